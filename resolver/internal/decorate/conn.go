package decorate

import (
	"sync"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// Conn is what an inner resolver takes for the channel.
type Conn struct {
	resolver.ClientConn // what is not for the filter

	filter Filter

	mu     sync.Mutex
	json   string
	parsed *serviceconfig.ParseResult
}

// NewConn returns the channel cc as f lets an inner resolver see it.
func NewConn(cc resolver.ClientConn, f Filter) *Conn {
	return &Conn{ClientConn: cc, filter: f}
}

// UpdateState gives s to the filter.
func (c *Conn) UpdateState(s resolver.State) error { return c.filter.Update(s) }

// ReportError gives err to the filter.
func (c *Conn) ReportError(err error) { c.filter.Error(err) }

// NewAddress gives the addresses to the filter, as a state.
func (c *Conn) NewAddress(addresses []resolver.Address) {
	_ = c.filter.Update(resolver.State{Addresses: addresses})
}

// ParseServiceConfig has the channel parse a service config. For a text that is
// the same as the last one it returns the same result, so that a resolver which
// parses at each answer gives states that are the same.
func (c *Conn) ParseServiceConfig(json string) *serviceconfig.ParseResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || json != c.json {
		c.json, c.parsed = json, c.ClientConn.ParseServiceConfig(json)
	}
	return c.parsed
}
