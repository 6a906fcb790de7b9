package protoyaml

import (
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
)

const (
	// MaxBytes is the longest text that is decoded: 1 MiB.
	MaxBytes = 1 << 20
	// MaxDepth is how deep sequences and mappings may be nested.
	MaxDepth = 64
)

// Position is a place in a text. Both counts begin at 1; the column counts
// characters.
type Position struct {
	Line, Column int
}

// Positions maps the path of each field that the text sets, in proto names, and
// of each element of a list to its place: "methods[2].policy.cache.groups[0]".
// A field's place is that of its name. The whole message has the path "".
type Positions map[string]Position

// Fault is one thing that is wrong with a text.
type Fault struct {
	// Line and Column are the place; see [Position].
	Line, Column int
	// Path is the path of the field, "" for the whole message. It ends at the
	// message of which an unknown field would be.
	Path string
	// Reason says what is wrong, and what would be right.
	Reason string
}

// Error returns "line:column: path: reason", ready to be put behind a file name
// and a colon.
func (f Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Reason)
	}
	return fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Path, f.Reason)
}

// Decode resets m and fills it from data, YAML or JSON; an empty text is an
// empty message. It returns the place of everything it set, and all faults in
// the order of the text. With faults m holds what could be read; an element of a
// list that could not is zero, so that indexes are those of the text. See the
// package documentation for what is accepted.
//
// The message's own type may be any but a well-known one, and it may be dynamic.
func Decode(data []byte, m proto.Message) (Positions, []Fault) {
	proto.Reset(m)
	d := &decoder{positions: Positions{}}
	root, fault := parse(data)
	if fault != nil {
		return d.positions, []Fault{*fault}
	}
	if root == nil {
		return d.positions, nil
	}
	if d.refuse(root, 0) {
		d.positions[""] = place(root)
		if !isNull(root) {
			d.message(root, m.ProtoReflect(), "")
		}
	}
	return d.positions, d.sorted()
}

// decoder collects what is found along the way.
type decoder struct {
	positions Positions
	faults    []Fault
}

func (d *decoder) fault(n *yaml.Node, path, reason string, args ...any) {
	d.faults = append(d.faults, Fault{
		Line: n.Line, Column: n.Column, Path: path, Reason: fmt.Sprintf(reason, args...),
	})
}

func place(n *yaml.Node) Position { return Position{Line: n.Line, Column: n.Column} }
