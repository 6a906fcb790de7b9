package protoyaml

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const durationName protoreflect.FullName = "google.protobuf.Duration"

// message fills m from a mapping.
func (d *decoder) message(n *yaml.Node, m protoreflect.Message, path string) {
	switch {
	case n.Kind == yaml.AliasNode: // reported by refuse
		return
	case n.Kind != yaml.MappingNode:
		d.fault(n, path, "want the fields of %s as a mapping, got %s", m.Descriptor().Name(), describe(n))
		return
	}
	seen := map[protoreflect.FieldNumber]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		fd := d.field(key, m.Descriptor(), path)
		if fd == nil {
			continue
		}
		at := join(path, fd.Name())
		if first := seen[fd.Number()]; first != nil {
			d.fault(key, at, "set twice, first on line %d", first.Line)
			continue
		}
		seen[fd.Number()] = key
		d.positions[at] = place(key)
		if !isNull(value) {
			d.set(value, m, fd, at)
		}
	}
}

// field finds the field that a key names, in proto name or lowerCamelCase.
func (d *decoder) field(key *yaml.Node, md protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	if key.Kind == yaml.AliasNode || isMerge(key) { // reported by refuse
		return nil
	}
	if key.Kind != yaml.ScalarNode {
		d.fault(key, path, "a field name must be plain text, got %s", describe(key))
		return nil
	}
	fields := md.Fields()
	fd := fields.ByJSONName(key.Value)
	if fd == nil {
		fd = fields.ByTextName(key.Value)
	}
	if fd == nil {
		d.fault(key, path, "unknown field %q of %s%s", clip(key.Value), md.Name(), suggestField(key.Value, fields))
	}
	return fd
}

// set gives the field fd of m a value that is not null.
func (d *decoder) set(n *yaml.Node, m protoreflect.Message, fd protoreflect.FieldDescriptor, path string) {
	if why := unsupported(fd); why != "" {
		d.fault(n, path, "%s", why)
		return
	}
	if fd.IsList() {
		d.list(n, m, fd, path)
		return
	}
	if o := fd.ContainingOneof(); o != nil {
		if other := m.WhichOneof(o); other != nil {
			d.fault(n, path, "%s is set already: of %s only one field can be", other.Name(), o.Name())
			return
		}
	}
	if v, ok := d.value(n, m.NewField(fd), fd, path); ok {
		m.Set(fd, v)
	}
}

func (d *decoder) list(n *yaml.Node, m protoreflect.Message, fd protoreflect.FieldDescriptor, path string) {
	switch n.Kind {
	case yaml.AliasNode: // reported by refuse
		return
	case yaml.SequenceNode:
	default:
		d.fault(n, path, "want a list, got %s: write it as [ … ] or as lines that begin with \"- \"", describe(n))
		return
	}
	list := m.Mutable(fd).List()
	for i, c := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.positions[at] = place(c)
		list.Append(d.element(c, list.NewElement(), fd, at))
	}
}

// element reads one element of a list. One that cannot be read is zero, so that
// those after it keep the index that the text gives them.
func (d *decoder) element(n *yaml.Node, zero protoreflect.Value, fd protoreflect.FieldDescriptor, path string) protoreflect.Value {
	if isNull(n) {
		d.fault(n, path, "an element of a list cannot be null")
		return zero
	}
	if v, ok := d.value(n, zero, fd, path); ok {
		return v
	}
	return zero
}

// value reads one value of fd's type: a message into zero, a scalar as it is.
func (d *decoder) value(n *yaml.Node, zero protoreflect.Value, fd protoreflect.FieldDescriptor, path string) (protoreflect.Value, bool) {
	if fd.Message() == nil {
		return d.scalar(n, fd, path)
	}
	if fd.Message().FullName() == durationName {
		return zero, d.duration(n, zero.Message(), path)
	}
	d.message(n, zero.Message(), path)
	return zero, true
}

// unsupported says why a field cannot be set from text, "" if it can.
func unsupported(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.IsMap():
		return "maps are not supported"
	case fd.Kind() == protoreflect.BytesKind:
		return "bytes are not supported"
	case fd.Kind() == protoreflect.GroupKind:
		return "groups are not supported"
	case fd.Message() == nil || fd.Message().FullName() == durationName:
		return ""
	case fd.Message().FullName().Parent() == durationName.Parent():
		return fmt.Sprintf("the type %s is not supported", fd.Message().FullName())
	}
	return ""
}

func join(path string, name protoreflect.Name) string {
	if path == "" {
		return string(name)
	}
	return path + "." + string(name)
}

// describe says what a value is, for a fault.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return fmt.Sprintf("the text %q", clip(n.Value))
	case "!!bool", "!!null":
		return clip(n.Value)
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	}
	return fmt.Sprintf("the %s %s", strings.TrimPrefix(n.ShortTag(), "!!"), clip(n.Value))
}
