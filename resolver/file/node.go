package file

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// fields returns the values of the mapping n by field. The first of the known
// fields is required. It tells what is missing, repeated or unknown, or that n
// is no mapping.
func (p *listParser) fields(n *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	if !p.is(n, path, "!!map") {
		return nil
	}
	values := map[string]*yaml.Node{}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		line, repeated := lines[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			p.faultf(key, "%s: unknown field %s, known: %s", path, target.Quote(key.Value), strings.Join(known, ", "))
		case repeated:
			p.faultf(key, "%s: field %s stands already in line %d", path, key.Value, line)
		default:
			values[key.Value], lines[key.Value] = n.Content[i+1], key.Line
		}
	}
	if values[known[0]] == nil {
		p.faultf(n, "%s: field %s is missing", path, known[0])
	}
	return values
}

// is reports whether n has the type that the YAML tag want stands for, and
// tells what it has instead.
func (p *listParser) is(n *yaml.Node, path, want string) bool {
	got := typeOf(n)
	if got == want {
		return true
	}
	wanted := typeName(want)
	if want == "!!int" {
		wanted = "a whole number"
	}
	p.faultf(n, "%s must be %s, got %s", path, wanted, typeName(got))
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
