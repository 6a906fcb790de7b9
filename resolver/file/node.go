package file

import (
	"go.yaml.in/yaml/v3"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// only returns the value of the one field that the mapping n may have, which is
// required, or nil after telling what is there instead.
func (p *listParser) only(n *yaml.Node, path, field string) *yaml.Node {
	if !p.is(n, path, "!!map") {
		return nil
	}
	var value *yaml.Node
	var line int
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i]; {
		case key.Kind != yaml.ScalarNode || key.Value != field:
			p.faultf(key, "%s: unknown field %s, known: %s", path, target.Quote(key.Value), field)
		case value != nil:
			p.faultf(key, "%s: field %s stands already in line %d", path, field, line)
		default:
			value, line = n.Content[i+1], key.Line
		}
	}
	if value == nil {
		p.faultf(n, "%s: field %s is missing", path, field)
	}
	return value
}

// is reports whether n has the type that the YAML tag want stands for, and
// tells what it has instead.
func (p *listParser) is(n *yaml.Node, path, want string) bool {
	got := typeOf(n)
	if got == want {
		return true
	}
	p.faultf(n, "%s must be %s, got %s", path, typeName(want), typeName(got))
	return false
}

// typeOf returns the YAML tag of what n is, whatever tag is written on it: the
// list in "!!map [a, b]" is a list.
func typeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "!!map"
	case yaml.SequenceNode:
		return "!!seq"
	case yaml.AliasNode:
		return "alias"
	default:
		return n.ShortTag()
	}
}

func typeName(tag string) string {
	switch tag {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	case "!!str":
		return "a string"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	case "alias":
		return "an alias"
	default:
		return "a value of type " + target.Quote(tag)
	}
}
