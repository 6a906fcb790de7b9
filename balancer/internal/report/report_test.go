package report_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   report.Report
		want string
	}{
		{"idle, unknown latency", report.Report{}, "\x10\x00"},
		{"latency", report.Report{InFlight: 3, Latency: 100 * time.Millisecond}, "\x12\x03\x80\xc2\xd7\x2f"},
		{"untimed", report.Report{InFlight: 200, Untimed: true}, "\x14\xc8\x01"},
		{"draining", report.Report{InFlight: 3, Draining: true}, "\x11\x03"},
		{"negative latency is unknown", report.Report{Latency: -1}, "\x10\x00"},
		{"over the limits", report.Report{InFlight: 1 << 31, Latency: 100 * time.Hour}, "\x12\x80\x80\x40\x80\xc0\xe2\x85\xe3\x68"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := report.Encode(nil, tt.in)
			if string(got) != tt.want || len(got) > report.MaxLen {
				t.Errorf("Encode(%+v) = %q, want %q", tt.in, got, tt.want)
			}
			if _, ok := report.Decode(string(got)); !ok {
				t.Errorf("%q is refused by Decode", got)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	const second = "\x80\x94\xeb\xdc\x03"
	for _, tt := range []struct {
		name, in string
		want     report.Report
		ok       bool
	}{
		{"idle", "\x10\x00", report.Report{}, true},
		{"latency", "\x12\x05" + second, report.Report{InFlight: 5, Latency: time.Second}, true},
		{"all flags", "\x1f\x05" + second, report.Report{InFlight: 5, Latency: time.Second, Untimed: true, Draining: true, Overloaded: true}, true},
		{"bytes of a later writer are ignored", "\x12\x05" + second + "later", report.Report{InFlight: 5, Latency: time.Second}, true},
		{"the same without latency", "\x10\x05later", report.Report{InFlight: 5}, true},
		{"sixteen bytes", "\x10\x05" + "0123456789abcd", report.Report{InFlight: 5}, true},
		{"the largest number in flight", "\x10\x80\x80\x40", report.Report{InFlight: 1 << 20}, true},
		{"seventeen bytes", "\x10\x05" + "0123456789abcde", report.Report{}, false},
		{"nothing", "", report.Report{}, false},
		{"only a head", "\x10", report.Report{}, false},
		{"version 0", "\x02\x05" + second, report.Report{}, false},
		{"version 2", "\x22\x05" + second, report.Report{}, false},
		{"latency 0", "\x12\x05\x00", report.Report{}, false},
		{"latency missing", "\x12\x05", report.Report{}, false},
		{"latency cut off", "\x12\x05\x80", report.Report{}, false},
		{"one more in flight than is believed", "\x10\x81\x80\x40", report.Report{}, false},
		{"latency over an hour", "\x12\x05\x81\xc0\xe2\x85\xe3\x68", report.Report{}, false},
		{"number without end", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", report.Report{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := report.Decode(tt.in)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Decode(%q) = %+v, %v; want %+v, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := report.Report{
			InFlight:   rapid.Uint32Range(0, report.MaxInFlight).Draw(t, "in flight"),
			Latency:    time.Duration(rapid.Int64Range(0, int64(report.MaxLatency)).Draw(t, "latency")),
			Untimed:    rapid.Bool().Draw(t, "untimed"),
			Draining:   rapid.Bool().Draw(t, "draining"),
			Overloaded: rapid.Bool().Draw(t, "overloaded"),
		}
		b := report.Encode(nil, in)
		if got, ok := report.Decode(string(b)); !ok || got != in || len(b) > report.MaxLen {
			t.Fatalf("%+v became %q (%d bytes) and then %+v, %v", in, b, len(b), got, ok)
		}
	})
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	s := string(report.Encode(nil, report.Report{InFlight: 1000, Latency: time.Second}))
	if got := testing.AllocsPerRun(100, func() { _, _ = report.Decode(s) }); got != 0 {
		t.Errorf("Decode makes %v allocations, want 0", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "\x10\x00", "\x12\x03\x80\xc2\xd7\x2f", "\x14\xc8\x01", "\x1f\xff\xff\x3f\x01later",
		"\x12\x80\x80\x40\x80\xc0\xe2\x85\xe3\x68", "\x12\x80\x00\x81\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := report.Decode(s)
		if !ok {
			if r != (report.Report{}) {
				t.Fatalf("Decode(%q) refuses and returns %+v", s, r)
			}
			return
		}
		if r.InFlight > report.MaxInFlight || r.Latency < 0 || r.Latency > report.MaxLatency {
			t.Fatalf("Decode(%q) = %+v, over the limits", s, r)
		}
		if again, ok := report.Decode(string(report.Encode(nil, r))); !ok || again != r {
			t.Fatalf("Decode(%q) = %+v, which becomes %+v, %v when written and read", s, r, again, ok)
		}
	})
}

// TestNotable: what must be heard at once is seen without decoding, and nothing else is.
func TestNotable(t *testing.T) {
	for _, c := range []struct {
		value string
		want  bool
	}{
		{string(report.Encode(nil, report.Report{InFlight: 3, Latency: time.Millisecond, Untimed: true})), false},
		{string(report.Encode(nil, report.Report{Draining: true})), true},
		{string(report.Encode(nil, report.Report{Overloaded: true, Latency: time.Millisecond})), true},
		{"", false},
		{"\x29", false}, // another version's
	} {
		if got := report.Notable(c.value); got != c.want {
			t.Errorf("Notable(%q) = %t, want %t", c.value, got, c.want)
		}
	}
}
