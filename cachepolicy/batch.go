package cachepolicy

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// Batch is a compiled batch rule: how a request's ids and a reply's items correspond. It is
// immutable and safe for concurrent use.
//
// A call with several ids is taken apart into calls with one id each ([Batch.Only]), whose replies
// have one item or none; [Batch.Split] and [Batch.Join] are the way there and back.
type Batch struct {
	ids, items fieldPath
	itemID     fieldPath
}

var (
	// ErrNotABatch is what [Batch.Split] returns for a reply that is not the sum of its items: it has
	// another field or unknown ones, two items of one id, or an item for an id that was not asked
	// for. Such a reply is for its call alone.
	ErrNotABatch = errors.New("cachepolicy: the reply is more than one item for each id")

	errNoIDs = errors.New("cachepolicy: the request has not the ids of the rule's batch")
)

// batch compiles a batch rule, recording every fault.
func (s source) batch(md protoreflect.MethodDescriptor, b *freshetv1.CacheRule_Batch) *Batch {
	if b == nil {
		return nil
	}
	out := &Batch{}
	ids := s.batchField("cache.batch.ids", md.Input(), b.GetIds(), &out.ids)
	items := s.batchField("cache.batch.items", md.Output(), b.GetItems(), &out.items)
	if ids && (!out.ids.last().IsList() || out.ids.last().Message() != nil || len(out.ids.fields) > 1) {
		s.fault("cache.batch.ids", "want a repeated scalar field of %s itself, got %q", md.Input().FullName(), b.GetIds())
		ids = false
	}
	if items && (!out.items.last().IsList() || out.items.last().Message() == nil || len(out.items.fields) > 1) {
		s.fault("cache.batch.items", "want a repeated message field of %s itself, got %q", md.Output().FullName(), b.GetItems())
		items = false
	}
	if !items {
		return out
	}
	s.soleField(md.Output(), out.items.last())
	item := out.items.last().Message()
	if !s.batchField("cache.batch.item_id", item, b.GetItemId(), &out.itemID) {
		return out
	}
	for _, fd := range out.itemID.fields {
		if fd.IsList() || fd.IsMap() {
			s.fault("cache.batch.item_id", "want one id for each item, got %q, which leads through %s", b.GetItemId(), listOrMap(fd))
			return out
		}
	}
	if ids && out.itemID.last().Kind() != out.ids.last().Kind() {
		s.fault("cache.batch.item_id", "want the type of an id, %s, got %q of type %s", out.ids.last().Kind(), b.GetItemId(), out.itemID.last().Kind())
	}
	return out
}

func listOrMap(fd protoreflect.FieldDescriptor) string {
	if fd.IsMap() {
		return "a map"
	}
	return "a list"
}

// batchField resolves a required path of the rule.
func (s source) batchField(at string, in protoreflect.MessageDescriptor, text string, to *fieldPath) bool {
	switch {
	case text == "" && s.unread(at):
		return false
	case text == "":
		s.fault(at, "missing: a batch names ids, items and item_id")
		return false
	}
	p, reason := compilePath(in, text)
	if reason != "" {
		s.fault(at, "%s", reason)
		return false
	}
	*to = p
	return true
}

// soleField refuses replies that say something beside their items: it would be lost when they are
// put together from items.
func (s source) soleField(reply protoreflect.MessageDescriptor, items protoreflect.FieldDescriptor) {
	for i := range reply.Fields().Len() {
		if fd := reply.Fields().Get(i); fd != items {
			s.fault("cache.batch.items", "%s has a field %q, too: what a reply says beside its items cannot be put together from them", reply.FullName(), fd.Name())
			return
		}
	}
}

// IDs returns the request's ids as texts, in its order, repetitions included. The error says that req is
// not the method's request.
func (b *Batch) IDs(req proto.Message) ([]string, error) {
	var out []string
	err := b.ids.values(req.ProtoReflect(), func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
		out = append(out, scalarText(fd, v))
	})
	return out, err
}

// Only returns a copy of the request that asks for the ids at these positions, in this order, and is the
// same in all else.
func (b *Batch) Only(req proto.Message, at ...int) (proto.Message, error) {
	m := req.ProtoReflect()
	fd, err := field(m, b.ids.last())
	if err != nil {
		return nil, err
	}
	asked := m.Get(fd).List()
	out := m.New()
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f != fd {
			out.Set(f, v)
		}
		return true
	})
	// What lies below is the request's own until here.
	out = proto.Clone(out.Interface()).ProtoReflect()
	out.SetUnknown(append(protoreflect.RawFields(nil), m.GetUnknown()...))
	list := out.Mutable(fd).List()
	for _, i := range at {
		if i < 0 || i >= asked.Len() {
			return nil, errNoIDs
		}
		v := asked.Get(i)
		if fd.Kind() == protoreflect.BytesKind {
			v = protoreflect.ValueOfBytes(append([]byte(nil), v.Bytes()...))
		}
		list.Append(v)
	}
	return out.Interface(), nil
}

// Split takes a reply to a call with these ids, each once, apart: for each id a reply with its item, or
// without one where the origin returned none. The parts share their items with the reply. The error is
// [ErrNotABatch], or says that reply is not the method's.
func (b *Batch) Split(reply proto.Message, ids []string) ([]proto.Message, error) {
	m := reply.ProtoReflect()
	fd, err := field(m, b.items.last())
	if err != nil {
		return nil, err
	}
	if len(m.GetUnknown()) > 0 {
		return nil, ErrNotABatch
	}
	position := make(map[string]int, len(ids))
	for i, id := range ids {
		position[id] = i
	}
	if len(position) < len(ids) {
		return nil, ErrNotABatch // it is not known how often the origin names an item
	}
	parts := make([]proto.Message, len(ids))
	items := m.Get(fd).List()
	for k := range items.Len() {
		id := ""
		err := b.itemID.values(items.Get(k).Message(), func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
			if !v.IsValid() && !fd.HasPresence() {
				v = fd.Default() // an id of zero is one
			}
			id = scalarText(fd, v)
		})
		if err != nil {
			return nil, err
		}
		i, asked := position[id]
		if !asked || parts[i] != nil {
			return nil, ErrNotABatch
		}
		part := m.New()
		part.Mutable(fd).List().Append(items.Get(k))
		parts[i] = part.Interface()
	}
	for i := range parts {
		if parts[i] == nil {
			parts[i] = m.New().Interface()
		}
	}
	return parts, nil
}

// Empty reports whether a part has no item: the origin returned none for its id.
func (b *Batch) Empty(part proto.Message) bool {
	m := part.ProtoReflect()
	fd, err := field(m, b.items.last())
	return err == nil && m.Get(fd).List().Len() == 0
}

// Join adds the items of a part to a reply, which shares them from then on. The error says that one of
// them is not the method's reply.
func (b *Batch) Join(reply, part proto.Message) error {
	to, from := reply.ProtoReflect(), part.ProtoReflect()
	fd, err := field(to, b.items.last())
	if err != nil {
		return err
	}
	own, err := field(from, b.items.last())
	if err != nil {
		return err
	}
	if from.Descriptor() != to.Descriptor() {
		return fmt.Errorf("cachepolicy: a %s of one schema cannot hold items of another", to.Descriptor().FullName())
	}
	items := from.Get(own).List()
	if items.Len() == 0 {
		return nil
	}
	list := to.Mutable(fd).List()
	for k := range items.Len() {
		list.Append(items.Get(k))
	}
	return nil
}
