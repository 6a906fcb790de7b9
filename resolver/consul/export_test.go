package consul

import (
	"encoding/json"

	"google.golang.org/grpc/resolver"
)

// Answer returns what the body of an answer says to a target, why it says
// nothing, and what is left out.
func Answer(t Target, body []byte) ([]resolver.Endpoint, string, error) {
	var entries []entry
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, "", err
	}
	a := answer(t, entries)
	return a.Endpoints, a.Why, a.Skipped
}
