package consul

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Scheme is the scheme of the targets that this package resolves.
const Scheme = "consul"

const (
	defaultWait = time.Minute
	minWait     = time.Second
	maxWait     = 10 * time.Minute // Consul's own

	defaultHold = time.Minute
	maxHold     = 24 * time.Hour

	defaultZoneMeta = "zone"

	maxValue = 256 // bytes of a name, a tag or another option
)

// Target is what a consul target says.
type Target struct {
	// Agent is the host and port of Consul's HTTP API, "" when the target
	// leaves it to the environment.
	Agent string
	// TLS is the option tls.
	TLS bool
	// Service is the name of the service.
	Service string
	// Tags are those that an instance must have, sorted, each once.
	Tags []string
	// Datacenter, Near, Namespace and Partition are the options dc, near, ns
	// and partition, "" when they are not given.
	Datacenter, Near, Namespace, Partition string
	// Passing is false where instances with a warning are wanted too.
	Passing bool
	// Wait is how long Consul may leave a query unanswered: 1m unless the
	// option says otherwise, between 1s and 10m.
	Wait time.Duration
	// Hold is how long an empty answer must stand to be believed: 1m unless
	// the option says otherwise, between 0s, which believes at once, and 24h.
	Hold time.Duration
	// ZoneMeta is the key under which metadata hold a zone: "zone" unless the
	// option says otherwise.
	ZoneMeta string
	// Authority is the authority of the channel: that of the option, or
	// service.service.consul.
	Authority string
}

// Parse returns what a target says, or one error with all its faults: the one
// that calls on a channel with that target would get. It asks nobody.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("consul: target: %w", err)
	}
	return parse(*u)
}

func parse(u url.URL) (Target, error) {
	var faults target.Faults
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Opaque: u.Opaque} // no secret that somebody put elsewhere
	if u.User != nil {
		faults.Addf("user information has no place in a target: a token belongs in a file, the environment or an option of NewBuilder")
	}
	t := Target{Wait: defaultWait, Hold: defaultHold, Passing: true, ZoneMeta: defaultZoneMeta}
	t.Agent = agent(u.Host, &faults)
	t.Tags, u.RawQuery = tags(u.RawQuery, &faults)
	u.Host, u.User = "", nil
	read := target.Read(u, Scheme, &faults,
		"tag", "dc", "near", "ns", "partition", "passing", "wait", "hold", "zone_meta", "tls")
	t.Service, t.Authority = read.Path, read.Authority
	if err := checkValue(t.Service); err != nil || strings.Contains(t.Service, "/") {
		faults.Addf("service must be 1 to %d bytes of text without '/', got %s: write %s://agent:8500/service", maxValue, target.Quote(t.Service), Scheme)
	} else if t.Authority == "" {
		t.Authority = t.Service + ".service.consul"
		if _, err := target.Address(t.Authority + ":1"); err != nil {
			faults.Addf("service %s is no part of a DNS name: give the option authority", target.Quote(t.Service))
		}
	}
	o := options{given: read.Options, faults: &faults}
	t.TLS = o.flag("tls", t.TLS)
	t.Passing = o.flag("passing", t.Passing)
	t.Wait = read.Duration("wait", t.Wait, minWait, maxWait, &faults)
	t.Hold = read.Duration("hold", t.Hold, 0, maxHold, &faults)
	t.Datacenter, t.Near = o.text("dc", ""), o.text("near", "")
	t.Namespace, t.Partition = o.text("ns", ""), o.text("partition", "")
	t.ZoneMeta = o.text("zone_meta", t.ZoneMeta)
	if err := faults.Err("consul: target " + target.Quote(shown.String())); err != nil {
		return Target{}, err
	}
	return t, nil
}

// agent returns host:port of what stands between the second and the third slash.
func agent(host string, faults *target.Faults) string {
	if host == "" {
		return ""
	}
	address := host
	if _, _, err := net.SplitHostPort(host); err != nil && !strings.HasSuffix(host, ":") {
		address = host + ":" + defaultPort
	}
	address, err := target.Address(address)
	if err != nil {
		faults.Addf("agent %s: %w", target.Quote(host), err)
	}
	return address
}

// tags takes the option tag, the only one that may be given more than once, out
// of a query.
func tags(query string, faults *target.Faults) (found []string, rest string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, query // which is told where the others are read
	}
	found = values["tag"]
	for _, tag := range found {
		if err := checkValue(tag); err != nil {
			faults.Addf("tag %w", err)
		}
	}
	values.Del("tag")
	slices.Sort(found)
	return slices.Compact(found), values.Encode()
}

// options reads those of a target, and gathers what is wrong with them.
type options struct {
	given  map[string]string
	faults *target.Faults
}

func (o options) text(name, otherwise string) string {
	s, ok := o.given[name]
	if !ok {
		return otherwise
	}
	if err := checkValue(s); err != nil {
		o.faults.Addf("%s %w", name, err)
	}
	return s
}

func (o options) flag(name string, otherwise bool) bool {
	s, ok := o.given[name]
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		o.faults.Addf("%s must be true or false, got %s", name, target.Quote(s))
	}
	return v
}

func checkValue(s string) error {
	if s == "" || len(s) > maxValue || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("must be 1 to %d bytes of text, got %s", maxValue, target.Quote(s))
	}
	return nil
}
