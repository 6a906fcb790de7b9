package dns

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Scheme is the scheme of the targets that this package resolves.
const Scheme = "dns+poll"

const (
	defaultPort       = "443"
	defaultServerPort = "53"

	defaultInterval    = 30 * time.Second
	leastInterval      = time.Second
	mostInterval       = 24 * time.Hour
	defaultMinInterval = 5 * time.Second
	defaultTimeout     = 10 * time.Second
	leastTimeout       = 100 * time.Millisecond
	mostTimeout        = 5 * time.Minute
	defaultJitter      = 0.2
)

// Target is what a dns+poll target says.
type Target struct {
	// Host is what is looked up: a name, or an IP address, which is not.
	Host string
	// Port is the port of all servers, and "" with SRV.
	Port string
	// SRV says that SRV records are asked for.
	SRV bool
	// Server is the host:port of the name server, "" for the system's.
	Server string
	// Authority is the authority of the channel, and what TLS verifies.
	Authority string
	// Interval, MinInterval and Timeout are the options of these names.
	Interval, MinInterval, Timeout time.Duration
	// Jitter is the option of that name.
	Jitter float64
	// DropEmpty is the option empty=drop.
	DropEmpty bool
}

// Parse returns what a target says, or one error with all its faults: the one
// that calls on a channel with that target would get. It asks nobody.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("dns: target: %w", err)
	}
	return parse(*u)
}

func parse(u url.URL) (Target, error) {
	var faults target.Faults
	subject := "dns: target " + target.Quote(u.Redacted())
	server := u.Host
	u.Host = ""
	if u.User != nil {
		faults.Addf("user information has no place in a target")
		u.User = nil
	}
	read := target.Read(u, Scheme, &faults, "interval", "min_interval", "jitter", "timeout", "empty", "srv")
	var t Target
	if server != "" {
		address, err := target.Address(withPort(server, defaultServerPort))
		if err != nil {
			faults.Addf("name server %s: %w", target.Quote(server), err)
		}
		t.Server = address
	}
	t.readOptions(read, &faults)
	t.readName(read.Path, &faults)
	if read.Authority != "" {
		t.Authority = read.Authority
	}
	if err := faults.Err(subject); err != nil {
		return Target{}, err
	}
	return t, nil
}

func (t *Target) readOptions(read target.Target, faults *target.Faults) {
	t.Interval = read.Duration("interval", defaultInterval, leastInterval, mostInterval, faults)
	most := max(t.Interval, leastInterval) // an interval that is itself a fault is told once
	t.MinInterval = read.Duration("min_interval", min(defaultMinInterval, most), leastInterval, most, faults)
	t.Timeout = read.Duration("timeout", defaultTimeout, leastTimeout, mostTimeout, faults)
	t.Jitter = defaultJitter
	if s, ok := read.Options["jitter"]; ok {
		j, err := strconv.ParseFloat(s, 64)
		if err != nil || !(j >= 0 && j <= 1) { // so that NaN is refused
			faults.Addf("jitter must be a number between 0 and 1, got %s", target.Quote(s))
		}
		t.Jitter = j
	}
	if s, ok := read.Options["empty"]; ok {
		if s != "keep" && s != "drop" {
			faults.Addf("empty must be keep or drop, got %s", target.Quote(s))
		}
		t.DropEmpty = s == "drop"
	}
	t.SRV = isService(read.Path)
	if s, ok := read.Options["srv"]; ok {
		if s != "0" && s != "1" {
			faults.Addf("srv must be 0 or 1, got %s", target.Quote(s))
		}
		t.SRV = s == "1"
	}
}

// readName reads what is looked up, once it is known by which records.
func (t *Target) readName(path string, faults *target.Faults) {
	address := withPort(path, defaultPort)
	if t.SRV {
		address = path + ":" + defaultPort // of which only the host is used
	}
	address, err := target.Address(address)
	switch {
	case path == "":
		faults.Addf("must name a host, want %s:///host:port", Scheme)
		return
	case err != nil && t.SRV:
		faults.Addf("%s: must be a name without a port for SRV records: %w", target.Quote(path), err)
		return
	case err != nil:
		faults.Addf("%s: %w", target.Quote(path), err)
		return
	}
	t.Host, t.Port, _ = net.SplitHostPort(address)
	authority := target.AuthorityOf(address)
	if t.SRV {
		t.Port, authority = "", t.Host
		if _, err := netip.ParseAddr(t.Host); err == nil {
			faults.Addf("%s: an IP address has no SRV records", target.Quote(path))
		}
		if isService(t.Host) {
			authority = strings.SplitN(t.Host, ".", 3)[2]
		}
	} else if withPort(path, defaultPort) != path {
		authority = strings.TrimSuffix(authority, ":"+defaultPort) // none was written
	}
	t.Authority = undotted(authority)
}

// withPort returns s with a port: its own, or the default.
func withPort(s, port string) string {
	if _, _, err := net.SplitHostPort(s); err == nil || s == "" {
		return s
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		return net.JoinHostPort(strings.TrimSuffix(inner, "]"), port)
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(s, port)
	}
	return s + ":" + port
}

// isService reports whether a name begins with "_service._proto." (RFC 2782).
func isService(name string) bool {
	labels := strings.SplitN(name, ".", 3)
	return len(labels) == 3 && strings.Trim(labels[2], ".") != "" &&
		strings.HasPrefix(labels[0], "_") && strings.HasPrefix(labels[1], "_")
}

// undotted returns an authority without the dot that ends a name: it is for the
// resolver, and no certificate has it.
func undotted(authority string) string {
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		return strings.TrimSuffix(authority, ".")
	}
	return net.JoinHostPort(strings.TrimSuffix(host, "."), port)
}
