package balancer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// object splits a JSON object into its members; null is an empty one.
func object(data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		if json.Valid(data) {
			return nil, fmt.Errorf("must be a JSON object, got %s", shorten(data))
		}
		return nil, fmt.Errorf("must be a JSON object: %w", err)
	}
	return members, nil
}

// present returns a member unless it is absent or null.
func present(members map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	raw, ok := members[name]
	return raw, ok && !bytes.Equal(raw, []byte("null"))
}

func readDuration(raw json.RawMessage, name string, to *time.Duration) error {
	var s string
	d, parsed := time.Duration(0), false
	if json.Unmarshal(raw, &s) == nil {
		d, parsed = parseDuration(s)
	}
	if !parsed {
		return fmt.Errorf(`balancer: %s must be a duration in seconds like "1.5s", got %s`, name, shorten(raw))
	}
	*to = d
	return nil
}

// maxSeconds is the most that fits a time.Duration.
const maxSeconds = int64(1<<63-1) / int64(time.Second)

// parseDuration reads the JSON form of google.protobuf.Duration: seconds with up
// to nine decimals and the suffix s.
func parseDuration(s string) (time.Duration, bool) {
	s, ok := strings.CutSuffix(s, "s")
	if !ok {
		return 0, false
	}
	s, negative := strings.CutPrefix(s, "-")
	whole, fraction, dotted := strings.Cut(s, ".")
	if !digits(whole) || dotted && !digits(fraction) || len(fraction) > 9 {
		return 0, false
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds >= maxSeconds {
		return 0, false
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return 0, false
	}
	d := time.Duration(seconds)*time.Second + time.Duration(nanos)
	if negative {
		d = -d
	}
	return d, true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// formatDuration is the inverse of parseDuration; zero is the empty string.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	sign, seconds, nanos := "", int64(d/time.Second), int64(d%time.Second)
	if d < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	s := sign + strconv.FormatInt(seconds, 10)
	if nanos != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%09d", nanos), "0")
	}
	return s + "s"
}

// shorten cuts what an error message quotes.
func shorten(raw []byte) string {
	const most = 64
	if len(raw) > most {
		return string(raw[:most]) + "..."
	}
	return string(raw)
}
