package protoyaml

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parse returns the root of the text's one document, nil for an empty text.
func parse(data []byte) (*yaml.Node, *Fault) {
	if len(data) > MaxBytes {
		return nil, &Fault{Line: 1, Column: 1, Reason: fmt.Sprintf("the text must be at most %d bytes, got %d", MaxBytes, len(data))}
	}
	if f := badRune(data); f != nil {
		return nil, f
	}
	if json.Valid(data) {
		return parseJSON(string(data)), nil
	}
	return parseYAML(data)
}

func parseYAML(data []byte) (*yaml.Node, *Fault) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, syntaxFault(err)
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, &Fault{Line: second.Line, Column: second.Column, Reason: "want one document, found a second"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxFault(err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// syntaxFault takes the line out of "yaml: line 3: …"; the parser tells no
// column.
func syntaxFault(err error) *Fault {
	f := &Fault{Line: 1, Column: 1, Reason: strings.TrimPrefix(err.Error(), "yaml: ")}
	var line int
	if n, _ := fmt.Sscanf(f.Reason, "line %d:", &line); n == 1 && line > 0 {
		f.Line = line
		_, f.Reason, _ = strings.Cut(f.Reason, ": ")
	}
	f.Reason = "syntax: " + f.Reason
	return f
}

// badRune finds what neither grammar allows anywhere, so that it can be reported
// with its place: the YAML parser tells none for these.
func badRune(data []byte) *Fault {
	line, column := 1, 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			return &Fault{Line: line, Column: column, Reason: fmt.Sprintf("not UTF-8: byte 0x%02x", data[0])}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r':
			return &Fault{Line: line, Column: column, Reason: fmt.Sprintf("control character %U", r)}
		case r == '\n':
			line, column = line+1, 0
		}
		data = data[n:]
		column++
	}
	return nil
}

// refuse reports everything in the tree that lets one text stand for another,
// and false for a tree that is too deep to be looked at further.
func (d *decoder) refuse(n *yaml.Node, depth int) bool {
	if depth > MaxDepth {
		d.fault(n, "", "nested more than %d deep", MaxDepth)
		return false
	}
	if n.Anchor != "" {
		d.fault(n, "", "anchor %q: anchors are not supported", clip(n.Anchor))
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fault(n, "", "tag %q: tags are not supported", clip(n.Tag))
	}
	if n.Kind == yaml.AliasNode {
		d.fault(n, "", "alias %q: aliases are not supported, write the value out", clip(n.Value))
		return true
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && isMerge(c) {
			d.fault(c, "", "merge key: merging is not supported, write the fields out")
		}
		if !d.refuse(c, depth+1) {
			return false
		}
	}
	return true
}

func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// sorted returns the faults in the order of the text.
func (d *decoder) sorted() []Fault {
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.faults
}

// clip shortens text of the user's for a message.
func clip(s string) string {
	const longest = 60
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
