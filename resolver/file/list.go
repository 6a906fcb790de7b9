package file

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/target"
)

const (
	maxEndpoints = 10_000
	maxAddresses = 16
	maxZone      = 128
	maxPriority  = 127
	maxWeight    = 100_000 // so that the sum over all endpoints fits 32 bits
)

// entry is one endpoint as the file describes it.
type entry struct {
	addresses []string
	info      endpoint.Info
	weight    uint32 // 0 when it is not given
}

func (e entry) equal(o entry) bool {
	return slices.Equal(e.addresses, o.addresses) && e.info == o.info && e.weight == o.weight
}

// parseList returns the endpoints of a file, sorted, each with its addresses in
// the file's order. An error has every fault with its line.
func parseList(data []byte) ([]entry, error) {
	root, err := document(data)
	if err != nil {
		return nil, err
	}
	p := listParser{seen: map[string]int{}}
	list := p.root(root)
	if err := p.faults.Err("refused"); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b entry) int { return slices.Compare(a.addresses, b.addresses) })
	return list, nil
}

// document returns the content of the one document in data.
func document(data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, rest yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF), err == nil && len(doc.Content) == 0:
		return nil, errors.New("is empty, want endpoints: [{addresses: [\"host:port\"]}]")
	case err != nil:
		return nil, err
	}
	switch err := d.Decode(&rest); {
	case err == nil:
		return nil, errors.New("line " + strconv.Itoa(rest.Line) + ": a second document")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return doc.Content[0], nil
}

// listParser walks a document and gathers what is wrong with it.
type listParser struct {
	faults target.Faults
	seen   map[string]int // address to the line where it stands
}

func (p *listParser) faultf(n *yaml.Node, format string, args ...any) {
	p.faults.Addf("line %d: "+format, append([]any{n.Line}, args...)...)
}

func (p *listParser) root(n *yaml.Node) []entry {
	field := p.fields(n, "the file", "endpoints")["endpoints"]
	if field == nil {
		return nil
	}
	if !p.is(field, "endpoints", "!!seq") {
		return nil
	}
	switch count := len(field.Content); {
	case count == 0:
		p.faultf(field, "endpoints must not be empty: to stop a client close its channel, to drain a server take it off the list")
		return nil
	case count > maxEndpoints:
		p.faultf(field, "endpoints must have at most %d members, got %d", maxEndpoints, count)
		return nil
	}
	list := make([]entry, 0, len(field.Content))
	for i, endpoint := range field.Content {
		list = append(list, p.endpoint(endpoint, "endpoints["+strconv.Itoa(i)+"]"))
	}
	return list
}

func (p *listParser) endpoint(n *yaml.Node, path string) entry {
	fields := p.fields(n, path, "addresses", "priority", "weight", "zone")
	var e entry
	if field := fields["addresses"]; field != nil {
		e.addresses = p.addresses(field, path+".addresses")
	}
	if field := fields["priority"]; field != nil {
		e.info.Priority = p.number(field, path+".priority", 0, maxPriority)
	}
	if field := fields["weight"]; field != nil {
		e.weight = uint32(p.number(field, path+".weight", 1, maxWeight))
	}
	if field := fields["zone"]; field != nil && p.is(field, path+".zone", "!!str") {
		e.info.Zone = field.Value
		if count := len(field.Value); count == 0 || count > maxZone {
			p.faultf(field, "%s.zone must have between 1 and %d bytes, got %d", path, maxZone, count)
		}
	}
	return e
}

// number returns the integer n, in decimal and between least and most, or least
// after telling what is there instead.
func (p *listParser) number(n *yaml.Node, path string, least, most int) int {
	if !p.is(n, path, "!!int") {
		return least
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil || strconv.Itoa(v) != n.Value || v < least || v > most { // 010 would be 8 to some
		p.faultf(n, "%s must be between %d and %d, got %s", path, least, most, target.Quote(n.Value))
		return least
	}
	return v
}

func (p *listParser) addresses(n *yaml.Node, path string) []string {
	if !p.is(n, path, "!!seq") {
		return nil
	}
	if count := len(n.Content); count == 0 || count > maxAddresses {
		p.faultf(n, "%s must have between 1 and %d members, got %d", path, maxAddresses, count)
		return nil
	}
	addresses := make([]string, 0, len(n.Content))
	for i, address := range n.Content {
		addresses = append(addresses, p.address(address, path+"["+strconv.Itoa(i)+"]"))
	}
	return addresses
}

func (p *listParser) address(n *yaml.Node, path string) string {
	if !p.is(n, path, "!!str") {
		return ""
	}
	address, err := target.Address(n.Value)
	if err != nil {
		p.faultf(n, "%s, %s: %w", path, target.Quote(n.Value), err)
		return ""
	}
	if line, ok := p.seen[address]; ok {
		p.faultf(n, "%s: %s stands already in line %d", path, address, line)
		return ""
	}
	p.seen[address] = n.Line
	return address
}
