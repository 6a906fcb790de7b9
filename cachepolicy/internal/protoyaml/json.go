package protoyaml

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseJSON builds the tree that the YAML parser would build, from text that is
// known to be valid JSON (and so, by encoding/json, at most 10,000 deep).
func parseJSON(text string) *yaml.Node {
	p := &jsonParser{text: text, line: 1}
	return p.value()
}

type jsonParser struct {
	text      string
	pos       int
	line      int
	lineStart int
}

func (p *jsonParser) column() int {
	return utf8.RuneCountInString(p.text[p.lineStart:p.pos]) + 1
}

// skip passes over what stands between tokens.
func (p *jsonParser) skip() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[p.pos]) >= 0 {
		if p.text[p.pos] == '\n' {
			p.line++
			p.lineStart = p.pos + 1
		}
		p.pos++
	}
}

// value reads one value.
func (p *jsonParser) value() *yaml.Node {
	p.skip()
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line, Column: p.column()}
	switch p.text[p.pos] {
	case '{':
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		p.container(n, '}')
	case '[':
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		p.container(n, ']')
	case '"':
		n.Tag, n.Style, n.Value = "!!str", yaml.DoubleQuotedStyle, p.str()
	default:
		p.literal(n)
	}
	return n
}

func (p *jsonParser) container(n *yaml.Node, end byte) {
	p.pos++
	for p.skip(); p.text[p.pos] != end; p.skip() {
		n.Content = append(n.Content, p.value())
	}
	p.pos++
}

func (p *jsonParser) str() string {
	end := p.pos + 1
	for p.text[end] != '"' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	raw := p.text[p.pos : end+1]
	p.pos = end + 1
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return raw[1 : len(raw)-1] // cannot be: the text is valid JSON
	}
	return s
}

func (p *jsonParser) literal(n *yaml.Node) {
	end := p.pos
	for end < len(p.text) && strings.IndexByte(" \t\r\n,]}", p.text[end]) < 0 {
		end++
	}
	n.Value = p.text[p.pos:end]
	p.pos = end
	switch n.Value {
	case "null":
		n.Tag = "!!null"
	case "true", "false":
		n.Tag = "!!bool"
	default:
		n.Tag = "!!int"
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	}
}
