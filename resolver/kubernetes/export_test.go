package kubernetes

import (
	"encoding/json"

	"google.golang.org/grpc/resolver"
)

// WithDirectory is where a pod's service account is mounted.
func WithDirectory(path string) Option {
	return option(func(c *config) { c.directory = path })
}

// Merge returns what the slices of a list say to a target, why they say nothing,
// and what is left out.
func Merge(t Target, list []byte) ([]resolver.Endpoint, string, error) {
	var parsed sliceList
	if err := json.Unmarshal(list, &parsed); err != nil {
		return nil, "", err
	}
	bySlice := map[string]*slice{}
	for _, s := range parsed.Items {
		if s != nil {
			bySlice[s.Metadata.Name] = s
		}
	}
	a := merge(t, bySlice)
	return a.Endpoints, a.Why, a.Skipped
}
