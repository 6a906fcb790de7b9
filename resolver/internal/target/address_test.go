package target_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

func TestAddressLimits(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".") // 253 bytes
	for _, tt := range []struct {
		name, address, fault string
	}{
		{"longest name", longest + ":65535", ""},
		{"longest name, fully qualified", longest + ".:1", ""},
		{"name too long", "a" + longest + ":1", "host must have at most 253 bytes, got 254"},
		{"label too long", label + "a.example:1", "must have labels of 1 to 63 letters"},
		{"only a dot", ".:1", "host must not be empty"},
		{"number", "1:1", `host "1" is no IPv4 address`},
		{"number as the first label", "1.example:1", ""},
		{"space", "a b:1", "must have labels"},
		{"other letters", "bücher.example:1", "must have labels"},
		{"no IPv6 address", "[a:b]:1", `host "a:b" is no IPv6 address`},
		{"malformed zone", "[fe80::1%a b]:1", `zone "a b" must be`},
		{"signed port", "a:+1", `port must be between 1 and 65535, got "+1"`},
		{"no port", "a:", `port must be between 1 and 65535, got ""`},
		{"a path", "unix:/run/x.sock", `port must be between 1 and 65535, got "/run/x.sock"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := target.Address(tt.address)
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("Address(%q): got %v, want %q", tt.address, err, tt.fault)
			}
		})
	}
}

// FuzzAddress holds that an address in its one form is its own one form, and
// that the authority made of it is one that a target may name.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"a:1", "[0::1]:080", "[fe80::1%eth0.7]:1", "[::ffff:1.2.3.4]:1", "a.:1", "1.2.3:1", ":", "[]:1", "%:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := target.Address(s)
		if err != nil {
			return
		}
		if twice, err := target.Address(once); err != nil || twice != once {
			t.Fatalf("%q becomes %q, and that %q, %v", s, once, twice, err)
		}
		var faults target.Faults
		u := url.URL{Scheme: "x", Path: "/p", RawQuery: url.Values{target.Authority: {target.AuthorityOf(once)}}.Encode()}
		target.Read(u, "x", &faults)
		if err := faults.Err("target"); err != nil {
			t.Fatalf("the authority of %q: %v", once, err)
		}
	})
}
