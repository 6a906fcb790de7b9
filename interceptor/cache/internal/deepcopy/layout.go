package deepcopy

import (
	"reflect"
	"sync"
	"unsafe"
)

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
	spare  sync.Pool    // of *memory, for copies
}

// layout returns the layout of t. Compiling takes some ten microseconds for each
// message type that t reaches, once.
func (c *Copier) layout(t reflect.Type) *layout {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.layouts[t]; known != nil {
		return known
	}
	b := builder{}
	l := &layout{goType: t, root: b.message(t)}
	if c.layouts == nil {
		c.layouts = map[reflect.Type]*layout{}
	}
	c.layouts[t] = l
	return l
}

// memory returns room for where n slabs begin.
func (l *layout) memory(n int) *memory {
	m, _ := l.spare.Get().(*memory)
	if m == nil {
		m = new(memory)
	}
	if cap(*m) < n {
		*m = make(memory, n)
	}
	*m = (*m)[:n]
	return m
}

// release takes the room back, without what would keep the copy alive.
func (l *layout) release(m *memory) {
	clear(*m)
	l.spare.Put(m)
}

// plan says where the struct of a message, or of a oneof's wrapper, holds more
// than its own words.
type plan struct {
	goType reflect.Type
	fields []field
	arrays [maxStructs + 1]struct {
		once sync.Once
		t    reflect.Type
	}
}

// array returns the type of an array of n structs.
func (p *plan) array(n int) reflect.Type {
	a := &p.arrays[n]
	a.once.Do(func() { a.t = reflect.ArrayOf(n, p.goType) })
	return a.t
}

// field says what there is to do for one field.
type field struct {
	offset uintptr
	goType reflect.Type
	// scan notes what the field src refers to. It will be at at.
	scan func(s *scanner, at loc, src reflect.Value)
	// share makes dst, whose words are another's, refer to what its holder may
	// change although the rest is shared; nil if there is nothing.
	share func(dst reflect.Value)
}

// message gives the message that p is the plan of a place, and all that it refers
// to. src is its struct.
func (p *plan) scan(s *scanner, src reflect.Value) loc {
	to := s.structOf(p, src)
	base := src.Addr().UnsafePointer()
	for i := range p.fields {
		f := &p.fields[i]
		f.scan(s, to.plus(f.offset), value(f.goType, unsafe.Add(base, f.offset)))
	}
	return to
}

func (p *plan) share(dst unsafe.Pointer) {
	for i := range p.fields {
		if f := &p.fields[i]; f.share != nil {
			f.share(value(f.goType, unsafe.Add(dst, f.offset)))
		}
	}
}
