package deepcopy

import (
	"reflect"

	"google.golang.org/protobuf/proto"
)

// Original is a message that copies are made of. It is immutable, and safe for
// concurrent use.
type Original struct {
	message proto.Message
	layout  *layout
	words   reflect.Value // of the message, where there is an image
	image   *image        // nil: copied by proto.Merge
	foreign bool          // a part of it is copied by proto.Merge
	heap    int64
}

// Freeze makes an original that equals m and shares nothing with it that can be
// changed. m is not nil, not even a nil pointer to a message, and stays the
// caller's; nothing may change it meanwhile.
func (c *Copier) Freeze(m proto.Message) *Original {
	o := &Original{layout: c.layout(reflect.TypeOf(m))}
	if o.layout.root == nil {
		o.message, o.foreign = proto.Clone(m), true
		o.heap = heapSize(o.message.ProtoReflect())
		return o
	}
	s := &scanner{layout: o.layout, open: map[*plan]*openStructs{}}
	o.layout.root.scan(s, reflect.ValueOf(m).Elem())
	o.image = s.finish()
	o.foreign = s.foreign
	o.heap = s.heap + o.image.heap()
	first := o.image.slabs[0].(structs).array.Index(0) //nolint:forcetypeassert // of the message itself
	o.words = first
	o.message = first.Addr().Interface().(proto.Message) //nolint:forcetypeassert // of m's type
	return o
}

// Message returns the original itself, to be read only. Encoding it is not
// reading: proto.Marshal and proto.Size note sizes in the message.
func (o *Original) Message() proto.Message { return o.message }

// Size returns an estimate of the heap that the original takes, in bytes.
func (o *Original) Size() int64 { return o.heap }

// Fits reports whether dst is of the Go type that the original has, and not nil.
// Another type may have the same descriptor: that of a second generated package,
// or a dynamicpb.Message.
func (o *Original) Fits(dst proto.Message) bool {
	v := reflect.ValueOf(dst)
	return v.IsValid() && v.Type() == o.layout.goType && (v.Kind() != reflect.Pointer || !v.IsNil())
}

// Shareable reports whether ShareWith may be used.
func (o *Original) Shareable() bool { return !o.foreign }

// CopyTo makes dst, which fits, equal to the original, whatever it held before:
// what proto.Unmarshal into it would have done. They share strings, and nothing
// that can be changed.
func (o *Original) CopyTo(dst proto.Message) {
	if o.image == nil {
		proto.Reset(dst)
		proto.Merge(dst, o.message)
		return
	}
	d := reflect.ValueOf(dst)
	d.Elem().Set(o.words)
	m := o.layout.memory(len(o.image.slabs))
	(*m)[0] = d.UnsafePointer()
	for i, s := range o.image.slabs[1:] {
		(*m)[i+1] = s.copy()
	}
	o.image.link(*m)
	o.layout.release(m)
}

// ShareWith makes dst, which fits, equal to the original, whatever it held
// before, at a cost that depends on dst's fields and not on what is in them: its
// submessages, lists, maps and byte slices are the original's, and dst's holder
// must not change them. dst's own fields may be set, and lists appended to. The
// original is [Original.Shareable].
func (o *Original) ShareWith(dst proto.Message) {
	d := reflect.ValueOf(dst)
	d.Elem().Set(o.words)
	o.layout.root.share(d.UnsafePointer())
}
