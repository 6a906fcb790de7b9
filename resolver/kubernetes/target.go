package kubernetes

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Scheme is the scheme of the targets that this package resolves.
const Scheme = "kubernetes"

const (
	defaultHold = time.Minute
	maxHold     = 24 * time.Hour
	maxLabel    = 63 // RFC 1123, of names and of zones
)

// Target is what a kubernetes target says.
type Target struct {
	// Service and Namespace name the Service. Namespace is "" when the target
	// leaves it to the client's own.
	Service, Namespace string
	// Port is the name of one of the Service's ports, or the number of a port
	// of the pods. "" is the only port that there is.
	Port string
	// Authority is the option of that name, "" when it is not given.
	Authority string
	// Hold is how long an empty answer must stand to be believed: 1m unless
	// the option says otherwise, between 0s, which believes at once, and 24h.
	Hold time.Duration
	// MarkTerminating is the option terminating=mark.
	MarkTerminating bool
	// Zone is the zone whose hints are heeded, "" for none.
	Zone string
}

// Parse returns what a target says, or one error with all its faults: the one
// that calls on a channel with that target would get. It asks nobody.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("kubernetes: target: %w", err)
	}
	return parse(*u)
}

func parse(u url.URL) (Target, error) {
	var faults target.Faults
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Opaque: u.Opaque} // no secret that somebody put elsewhere
	if u.User != nil {
		faults.Addf("user information has no place in a target")
	}
	namespace := u.Host
	u.Host, u.User = "", nil
	read := target.Read(u, Scheme, &faults, "hold", "terminating", "zone")
	t := Target{Authority: read.Authority}
	t.Hold = read.Duration("hold", defaultHold, 0, maxHold, &faults)
	t.readName(read.Path, namespace, &faults)
	t.readOptions(read.Options, &faults)
	if err := faults.Err("kubernetes: target " + target.Quote(shown.String())); err != nil {
		return Target{}, err
	}
	return t, nil
}

// readName reads "svc", "svc.ns", "svc.ns.svc" and "svc.ns.svc.cluster.local",
// each with ":port" or without.
func (t *Target) readName(path, namespace string, faults *target.Faults) {
	name, port, ported := strings.Cut(path, ":")
	t.Port = port
	if ported {
		if err := checkPort(port); err != nil {
			faults.Addf("port: %w", err)
		}
	}
	service, rest, dotted := strings.Cut(name, ".")
	t.Service, t.Namespace = service, namespace
	if !isLabel(service) {
		faults.Addf("service must be 1 to %d of a-z, 0-9 and '-', got %s: write %s:///service.namespace:port", maxLabel, target.Quote(service), Scheme)
	}
	if dotted {
		within, suffix, suffixed := strings.Cut(rest, ".")
		if suffixed && suffix != "svc" && !strings.HasPrefix(suffix, "svc.") {
			faults.Addf("after service.namespace only .svc and the cluster's domain may follow, got %s", target.Quote(suffix))
		}
		if namespace != "" && namespace != within {
			faults.Addf("namespace is given twice, as %s and as %s", target.Quote(namespace), target.Quote(within))
		}
		t.Namespace = within
	}
	if (dotted || namespace != "") && !isLabel(t.Namespace) {
		faults.Addf("namespace must be 1 to %d of a-z, 0-9 and '-', got %s", maxLabel, target.Quote(t.Namespace))
	}
}

func (t *Target) readOptions(options map[string]string, faults *target.Faults) {
	if s, ok := options["terminating"]; ok {
		if s != "mark" && s != "spare" {
			faults.Addf("terminating must be mark or spare, got %s", target.Quote(s))
		}
		t.MarkTerminating = s == "mark"
	}
	t.Zone = options["zone"]
}

// checkPort accepts a number, or a name as Kubernetes has it.
func checkPort(s string) error {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		if n, err := strconv.ParseUint(s, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("must be between 1 and 65535, got %s", target.Quote(s))
		}
		return nil
	}
	if !isLabel(s) {
		return fmt.Errorf("must be a number, or a name of 1 to %d of a-z, 0-9 and '-', got %s", maxLabel, target.Quote(s))
	}
	return nil
}

// isLabel accepts what Kubernetes names things with, which RFC 1123 calls a
// label, in lower case.
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxLabel && s[0] != '-' && s[len(s)-1] != '-'
}
