package balancer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	grpcbalancer "google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer"
)

// parse is what gRPC does with the policy's part of a service config.
func parse(raw string) error {
	_, err := grpcbalancer.Get(balancer.Name).(grpcbalancer.ConfigParser).ParseConfig(json.RawMessage(raw))
	return err
}

func TestParseConfig(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      []string // lines of the error
	}{
		{"empty", `{}`, nil},
		{"null", `null`, nil},
		{"all fields", `{"poolSize":8,"reportExpiry":"0.5s","ewmaDecay":"30s"}`, nil},
		{"at the lower limits", `{"poolSize":1,"reportExpiry":"0.01s","ewmaDecay":"0.1s"}`, nil},
		{"at the upper limits", `{"poolSize":16,"reportExpiry":"60s","ewmaDecay":"3600s"}`, nil},
		{"unknown fields are ignored", `{"probeRate":0.1,"PoolSize":99}`, nil},
		{"null fields are absent", `{"poolSize":null,"ewmaDecay":null}`, nil},
		{"one over the limit", `{"poolSize":40}`, []string{
			`balancer: poolSize must be between 1 and 16, got 40`,
		}},
		{"an explicit zero is no default", `{"poolSize":0,"reportExpiry":"0s"}`, []string{
			`balancer: poolSize must be between 1 and 16, got 0`,
			`balancer: reportExpiry must be between 10ms and 1m0s, got 0s`,
		}},
		{"every fault at once", `{"poolSize":-1,"reportExpiry":"3600s","ewmaDecay":"-1s"}`, []string{
			`balancer: poolSize must be between 1 and 16, got -1`,
			`balancer: reportExpiry must be between 10ms and 1m0s, got 1h0m0s`,
			`balancer: ewmaDecay must be between 100ms and 1h0m0s, got -1s`,
		}},
		{"wrong types beside limits", `{"poolSize":"8","reportExpiry":5,"ewmaDecay":"1ns"}`, []string{
			`balancer: poolSize must be an integer, got "8"`,
			`balancer: reportExpiry must be a duration in seconds like "1.5s", got 5`,
			`balancer: ewmaDecay must be a duration in seconds like "1.5s", got "1ns"`,
		}},
		{"fraction", `{"poolSize":1.5}`, []string{`balancer: poolSize must be an integer, got 1.5`}},
		{"no object", `[1]`, []string{`balancer: config must be a JSON object, got [1]`}},
		{"no JSON", `{`, []string{`balancer: config must be a JSON object: unexpected end of JSON input`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), errorText(parse(tt.raw))); diff != "" {
				t.Errorf("ParseConfig(%s) error (-want +got):\n%s", tt.raw, diff)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDurations(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"1s", time.Second, true},
		{"1.5s", 1500 * time.Millisecond, true},
		{"0.000000001s", 1, true},
		{"-2.25s", -2250 * time.Millisecond, true},
		{"007s", 7 * time.Second, true},
		{"1", 0, false},
		{"s", 0, false},
		{".5s", 0, false},
		{"1.s", 0, false},
		{"1.0000000001s", 0, false},
		{"+1s", 0, false},
		{"--1s", 0, false},
		{"1.-5s", 0, false},
		{"1h", 0, false},
		{"99999999999s", 0, false},
		{"99999999999999999999s", 0, false},
	} {
		t.Run(tt.in, func(t *testing.T) {
			raw, err := json.Marshal(map[string]string{"ewmaDecay": tt.in})
			if err != nil {
				t.Fatal(err)
			}
			var c balancer.Config
			err = json.Unmarshal(raw, &c)
			if (err == nil) != tt.ok || c.EWMADecay != tt.want {
				t.Errorf("got %v, error %v; want %v, ok %v", c.EWMADecay, err, tt.want, tt.ok)
			}
		})
	}
}

func TestConfigRoundTrip(t *testing.T) {
	for _, c := range []balancer.Config{
		{},
		{PoolSize: 4},
		{ReportExpiry: 1500 * time.Millisecond, EWMADecay: 3 * time.Second},
		{PoolSize: -3, ReportExpiry: -1, EWMADecay: -1500 * time.Millisecond},
	} {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var got balancer.Config
		if err := json.Unmarshal(raw, &got); err != nil || got != c {
			t.Errorf("%+v became %s and then %+v, error %v", c, raw, got, err)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (balancer.Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v, want nil", err)
	}
	err := balancer.Config{PoolSize: 40, ReportExpiry: time.Hour}.Validate()
	want := "balancer: poolSize must be between 1 and 16, got 40\nbalancer: reportExpiry must be between 10ms and 1m0s, got 1h0m0s"
	if got := errorText(err); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"poolSize":8,"reportExpiry":"0.5s","ewmaDecay":"30s"}`, `{"poolSize":1e9}`,
		`{"reportExpiry":"-.s"}`, `{"ewmaDecay":"9223372036.854775807s"}`, `{"$fault":1}`, `{"$fault":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if parse(string(raw)) != nil {
			return
		}
		// What is accepted survives being written and read again.
		var first, second balancer.Config
		if err := json.Unmarshal(raw, &first); err != nil {
			t.Fatalf("%q is accepted by the parser but not by Config: %v", raw, err)
		}
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &second); err != nil || first != second {
			t.Fatalf("%q became %+v, then %s, then %+v, error %v", raw, first, again, second, err)
		}
		if err := first.Validate(); err != nil {
			t.Fatalf("%q is accepted but not valid: %v", raw, err)
		}
	})
}
