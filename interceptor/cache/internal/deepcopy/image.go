package deepcopy

import (
	"reflect"
	"unsafe"
)

// image is a message as memory: slabs, and what in them points to what.
//
// This is the one file that handles memory by address. It keeps to three rules.
// Memory that holds pointers is allocated by its Go type, so that the garbage
// collector knows it. Pointers are written as unsafe.Pointer, with the write
// barriers of the compiler. An address is the start of a live object and an
// offset within it, and never a number.
type image struct {
	slabs  []slab // the first is the message's own struct
	relocs []reloc
	fixes  []fix
}

// loc is a place in an image.
type loc struct{ slab, offset uint32 }

// plus returns the place n bytes on.
func (l loc) plus(n uintptr) loc { return loc{l.slab, l.offset + uint32(n)} }

// reloc says that the pointer at one place points to another.
type reloc struct{ at, to loc }

// fix is for what is more than pointers: maps, and messages without a plan.
type fix struct {
	at loc
	// do makes what is at a place, in a copy whose pointers have been set, the
	// copy's own.
	do func(at unsafe.Pointer, in memory)
	// own is what the original itself has there; if it is invalid, do makes it.
	own reflect.Value
}

// first gives the original what is its own.
func (f *fix) first(m memory) {
	if f.own.IsValid() {
		value(f.own.Type(), m.at(f.at)).Set(f.own)
	}
}

// memory is where the slabs of one copy begin.
type memory []unsafe.Pointer

func (m memory) at(l loc) unsafe.Pointer { return unsafe.Add(m[l.slab], l.offset) }

// link makes the words that were copied into m a message of its own.
func (img *image) link(m memory) {
	for i := range img.relocs {
		r := &img.relocs[i]
		*(*unsafe.Pointer)(m.at(r.at)) = m.at(r.to)
	}
	for i := range img.fixes {
		f := &img.fixes[i]
		f.do(m.at(f.at), m)
	}
}

// slab is a piece of memory that is allocated at once.
type slab interface {
	base() unsafe.Pointer
	// copy allocates another, with the same words.
	copy() unsafe.Pointer
}

// structs is an array of structs of one type.
type structs struct{ array reflect.Value }

func (s structs) base() unsafe.Pointer { return s.array.Addr().UnsafePointer() }

func (s structs) copy() unsafe.Pointer {
	n := reflect.New(s.array.Type())
	n.Elem().Set(s.array)
	return n.UnsafePointer()
}

// pointers are the arrays behind lists of messages. All of them are set by
// relocations, or nil.
type pointers []unsafe.Pointer

func (s pointers) base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
func (s pointers) copy() unsafe.Pointer { return make(pointers, len(s)).base() }

// words is an array of what has no pointers that a copy must have its own of:
// strings, the headers of slices, or plain memory.
type words[T string | header | uint64] []T

func (s words[T]) base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
func (s words[T]) copy() unsafe.Pointer { return exact(s).base() }

// header is a slice as Go lays it out.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// empty is where slices point that have no elements and are not nil.
var empty [1]uint64

// clip makes the slice at a place one without room behind its last element.
func clip(at unsafe.Pointer) {
	h := (*header)(at)
	if h.cap = h.len; h.len == 0 {
		h.data = unsafe.Pointer(&empty)
	}
}

// value returns what is at an address as a value of type t.
func value(t reflect.Type, at unsafe.Pointer) reflect.Value { return reflect.NewAt(t, at).Elem() }

// raw returns n bytes of memory without pointers.
func raw(at unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(at), n) }

// store copies memory without pointers to a place in plain memory.
func store(s words[uint64], offset int, b []byte) {
	copy(unsafe.Slice((*byte)(s.base()), len(s)*8)[offset:], b)
}

// exact returns a copy of s without room behind its last element; nil stays nil.
func exact[S ~[]T, T any](s S) S {
	if s == nil {
		return nil
	}
	out := make(S, len(s))
	copy(out, s)
	return out
}
