package deepcopy

import (
	"math/bits"
	"reflect"
	"sync"

	"google.golang.org/protobuf/proto"
)

// slabBits is the logarithm of how many structs of one type are allocated at
// once, at most.
const slabBits = 4

// Copier compiles message types and keeps the plans, one layout for each type of
// message frozen, for as long as it lives. The zero value is ready. It is safe
// for concurrent use, and must not be copied.
type Copier struct {
	mu      sync.Mutex
	layouts map[reflect.Type]*layout
}

// layout is how messages of one Go type are copied.
type layout struct {
	goType reflect.Type // of the message, a pointer
	root   *plan        // nil: by proto.Merge
	plans  []*plan      // of the structs that it may be made of
	arenas sync.Pool    // of *arena, empty ones
}

// layout returns the layout of t. Compiling takes some ten microseconds for each
// message type that t reaches, once.
func (c *Copier) layout(t reflect.Type) *layout {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.layouts[t]; known != nil {
		return known
	}
	l := &layout{goType: t}
	b := &builder{layout: l, messages: map[reflect.Type]*plan{}}
	l.root = b.message(t)
	if c.layouts == nil {
		c.layouts = map[reflect.Type]*layout{}
	}
	c.layouts[t] = l
	return l
}

// arena is where a copy's structs come from.
type arena struct {
	slabs []slab // by plan
}

type slab struct {
	structs reflect.Value // an array
	next    int           // of its elements
	size    int
	missing int // structs that the copy will want besides
}

func (l *layout) arena(counts []int) *arena {
	a, _ := l.arenas.Get().(*arena)
	if a == nil {
		a = &arena{slabs: make([]slab, len(l.plans))}
	}
	for i, n := range counts {
		a.slabs[i] = slab{missing: n}
	}
	return a
}

// release empties an arena, which would otherwise keep the copy alive.
func (l *layout) release(a *arena) {
	clear(a.slabs)
	l.arenas.Put(a)
}

// take returns a new struct of p's type, with the words of src.
func (a *arena) take(p *plan, src reflect.Value) reflect.Value {
	s := &a.slabs[p.id]
	if s.next == s.size {
		log := min(max(bits.Len(uint(s.missing)), 1)-1, slabBits)
		s.next, s.size = 0, 1<<log
		s.missing -= s.size
		s.structs = reflect.New(p.arrays[log]).Elem()
	}
	dst := s.structs.Index(s.next)
	s.next++
	dst.Set(src)
	return dst
}

// plan says what there is to do for the struct of a message or of a oneof's
// wrapper, beside copying its words.
type plan struct {
	id      int // in the layout
	goType  reflect.Type
	arrays  [slabBits + 1]reflect.Type // of goType, by the logarithm of their length
	fields  []field
	unknown int // index of the unknown fields, -1 for none
}

// field says what there is to do for one field. In each function src is the
// original's field, and dst that of a struct whose words have been copied.
type field struct {
	index int
	// count counts the structs that the field refers to; nil if it cannot.
	count func(c *counter, src reflect.Value)
	// own replaces what dst refers to by a copy.
	own func(a *arena, dst, src reflect.Value)
	// share replaces what dst's holder must be able to change although the rest
	// is shared; nil if there is nothing.
	share func(dst, src reflect.Value)
}

// counter counts the structs that a message is made of.
type counter struct {
	structs []int // by plan
	foreign bool  // there is a message that has no plan
}

func (p *plan) count(c *counter, src reflect.Value) {
	for i := range p.fields {
		if f := &p.fields[i]; f.count != nil {
			f.count(c, src.Field(f.index))
		}
	}
}

func (p *plan) own(a *arena, dst, src reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		f.own(a, dst.Field(f.index), src.Field(f.index))
	}
	p.ownUnknown(dst, src)
}

// ownUnknown is for unknown fields, whose holders append to them.
func (p *plan) ownUnknown(dst, src reflect.Value) {
	if p.unknown < 0 || src.Field(p.unknown).Cap() == 0 {
		return
	}
	m := dst.Addr().Interface().(proto.Message).ProtoReflect() //nolint:forcetypeassert // only messages have unknown fields
	m.SetUnknown(exact(m.GetUnknown()))
}

func (p *plan) share(dst, src reflect.Value) {
	for i := range p.fields {
		if f := &p.fields[i]; f.share != nil {
			f.share(dst.Field(f.index), src.Field(f.index))
		}
	}
	p.ownUnknown(dst, src)
}

// clone copies a message that has no plan.
func clone(src reflect.Value) reflect.Value {
	return reflect.ValueOf(proto.Clone(src.Interface().(proto.Message))) //nolint:forcetypeassert // the field's type says so
}
