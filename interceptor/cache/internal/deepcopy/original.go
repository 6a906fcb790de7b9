package deepcopy

import (
	"reflect"

	"google.golang.org/protobuf/proto"
)

// Original is a message that copies are made of. It is immutable, and safe for
// concurrent use.
type Original struct {
	message  proto.Message
	words    reflect.Value // of message's struct; invalid when there is no plan
	layout   *layout
	counts   []int // of structs, by plan
	foreign  bool  // a part of it was copied by proto.Merge
	heapSize int64
}

// Freeze makes an original that equals m and shares nothing with it that can be
// changed. m is not nil, not even a nil pointer to a message, and stays the
// caller's.
func (c *Copier) Freeze(m proto.Message) *Original {
	o := &Original{layout: c.layout(reflect.TypeOf(m))}
	if o.layout.root == nil {
		o.message, o.foreign = proto.Clone(m), true
		o.heapSize = heapSize(o.message.ProtoReflect())
		return o
	}
	src := reflect.ValueOf(m).Elem()
	count := counter{structs: make([]int, len(o.layout.plans))}
	o.layout.root.count(&count, src)
	o.counts, o.foreign = count.structs, count.foreign
	dst := reflect.New(src.Type())
	o.words = dst.Elem()
	o.fill(o.words, src)
	o.message = dst.Interface().(proto.Message) //nolint:forcetypeassert // of m's type
	o.heapSize = heapSize(o.message.ProtoReflect())
	return o
}

// Message returns the original itself, to be read only. Encoding it is not
// reading: proto.Marshal and proto.Size note sizes in the message.
func (o *Original) Message() proto.Message { return o.message }

// Size returns an estimate of the heap that the original takes, in bytes.
func (o *Original) Size() int64 { return o.heapSize }

// Fits reports whether dst is of the Go type that the original has, and not nil.
// Another type may have the same descriptor: that of a second generated package,
// or a dynamicpb.Message.
func (o *Original) Fits(dst proto.Message) bool {
	v := reflect.ValueOf(dst)
	return v.IsValid() && v.Type() == o.layout.goType && !(v.Kind() == reflect.Pointer && v.IsNil())
}

// Shareable reports whether ShareWith may be used.
func (o *Original) Shareable() bool { return !o.foreign }

// CopyTo makes dst, which fits, equal to the original, whatever it held before:
// what proto.Unmarshal into it would have done. They share strings, and nothing
// that can be changed.
func (o *Original) CopyTo(dst proto.Message) {
	if o.layout.root == nil {
		proto.Reset(dst)
		proto.Merge(dst, o.message)
		return
	}
	o.fill(reflect.ValueOf(dst).Elem(), o.words)
}

// fill makes dst a deep copy of src, a message with the original's counts.
func (o *Original) fill(dst, src reflect.Value) {
	a := o.layout.arena(o.counts)
	dst.Set(src)
	o.layout.root.own(a, dst, src)
	o.layout.release(a)
}

// ShareWith makes dst, which fits, equal to the original, whatever it held
// before, at a cost that depends on dst's fields and not on what is in them: its
// submessages, lists, maps and byte slices are the original's, and dst's holder
// must not change them. dst's own fields may be set, and lists appended to. The
// original is [Original.Shareable].
func (o *Original) ShareWith(dst proto.Message) {
	d := reflect.ValueOf(dst).Elem()
	d.Set(o.words)
	o.layout.root.share(d, o.words)
}
