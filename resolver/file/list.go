package file

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

const (
	maxEndpoints = 10_000
	maxAddresses = 16
)

// parseList returns the endpoints of a file, sorted, each with its addresses in
// the file's order. An error has every fault with its line.
func parseList(data []byte) ([][]string, error) {
	root, err := document(data)
	if err != nil {
		return nil, err
	}
	p := listParser{seen: map[string]int{}}
	list := p.root(root)
	if err := p.faults.Err("refused"); err != nil {
		return nil, err
	}
	slices.SortFunc(list, slices.Compare[[]string])
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

func (p *listParser) root(n *yaml.Node) [][]string {
	field := p.only(n, "the file", "endpoints")
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
	list := make([][]string, 0, len(field.Content))
	for i, endpoint := range field.Content {
		list = append(list, p.endpoint(endpoint, "endpoints["+strconv.Itoa(i)+"]"))
	}
	return list
}

func (p *listParser) endpoint(n *yaml.Node, path string) []string {
	field := p.only(n, path, "addresses")
	if field == nil {
		return nil
	}
	path += ".addresses"
	if !p.is(field, path, "!!seq") {
		return nil
	}
	if count := len(field.Content); count == 0 || count > maxAddresses {
		p.faultf(field, "%s must have between 1 and %d members, got %d", path, maxAddresses, count)
		return nil
	}
	addresses := make([]string, 0, len(field.Content))
	for i, address := range field.Content {
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
