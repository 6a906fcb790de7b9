package deepcopy

import (
	"reflect"
	"unsafe"
)

const (
	// maxStructs is how many structs of one type a slab holds, at most.
	maxStructs = 16
	// maxSlab is when an array gets no further ones beside it, in bytes.
	maxSlab = 1 << 10
)

// scanner makes the image of a message. It notes what there is and what points
// to what, and reads the message only.
type scanner struct {
	image
	layout  *layout
	open    map[*plan]*openStructs
	array   [kinds]openArray
	foreign bool
	amends  []amend
	heap    int64 // taken by what is in no slab
}

// amend is a change to the words that the original has of the scanned message.
type amend struct {
	at loc
	do func(at unsafe.Pointer)
}

// kind is a sort of array that a message needs beside its structs.
type kind int

const (
	ofPointers kind = iota
	ofStrings
	ofHeaders
	ofBytes

	kinds = iota
)

// openStructs are the structs that make a slab when they are maxStructs, or when
// there are no more.
type openStructs struct {
	slab    uint32
	sources []reflect.Value
}

type openArray struct {
	slab uint32
	size uintptr // in bytes; 0: there is none
}

// structOf gives a struct of p's type a place, with the words of src.
func (s *scanner) structOf(p *plan, src reflect.Value) loc {
	o := s.open[p]
	if o == nil || len(o.sources) == maxStructs {
		if o != nil {
			s.close(p, o)
		}
		o = &openStructs{slab: s.reserve()}
		s.open[p] = o
	}
	o.sources = append(o.sources, src)
	if o.slab == 0 { // the message itself is alone: it is the caller's
		s.close(p, o)
		delete(s.open, p)
	}
	return loc{o.slab, uint32(uintptr(len(o.sources)-1) * p.goType.Size())}
}

func (s *scanner) close(p *plan, o *openStructs) {
	array := reflect.New(p.array(len(o.sources))).Elem()
	for i, src := range o.sources {
		array.Index(i).Set(src)
	}
	s.slabs[o.slab] = structs{array}
}

func (s *scanner) reserve() uint32 {
	s.slabs = append(s.slabs, nil)
	return uint32(len(s.slabs) - 1)
}

// arrayOf gives size bytes of a kind a place.
func (s *scanner) arrayOf(k kind, size uintptr) loc {
	o := &s.array[k]
	if o.size == 0 || o.size+size > maxSlab {
		*o = openArray{slab: s.reserve()}
		s.slabs[o.slab] = emptyArray(k)
	}
	at := loc{o.slab, uint32(o.size)}
	o.size += size
	return at
}

func emptyArray(k kind) slab {
	switch k {
	case ofPointers:
		return pointers(nil)
	case ofStrings:
		return words[string](nil)
	case ofHeaders:
		return words[header](nil)
	default:
		return words[uint64](nil)
	}
}

// pointTo notes that the pointer at one place points to another.
func (s *scanner) pointTo(at, to loc) { s.relocs = append(s.relocs, reloc{at, to}) }

// pointers gives the array behind a list of n messages a place.
func (s *scanner) pointers(n int) loc {
	at := s.arrayOf(ofPointers, uintptr(n)*unsafe.Sizeof(uintptr(0)))
	s.slabs[at.slab] = append(s.slabs[at.slab].(pointers), make(pointers, n)...) //nolint:forcetypeassert // as arrayOf made it
	return at
}

// strings gives copies of strings a place.
func (s *scanner) strings(src []string) loc {
	at := s.arrayOf(ofStrings, uintptr(len(src))*unsafe.Sizeof(""))
	s.slabs[at.slab] = append(s.slabs[at.slab].(words[string]), src...) //nolint:forcetypeassert // as arrayOf made it
	for _, v := range src {
		s.heap += class(uintptr(len(v)))
	}
	return at
}

// headers gives the headers of byte slices, and their bytes, a place.
func (s *scanner) headers(src [][]byte) loc {
	at := s.arrayOf(ofHeaders, uintptr(len(src))*unsafe.Sizeof(header{}))
	hs := s.slabs[at.slab].(words[header]) //nolint:forcetypeassert // as arrayOf made it
	for i, b := range src {
		h := header{len: len(b), cap: len(b)}
		switch {
		case len(b) > 0:
			s.pointTo(at.plus(uintptr(i)*unsafe.Sizeof(header{})), s.bytes(b))
		case b != nil:
			h.data = unsafe.Pointer(&empty)
		}
		hs = append(hs, h)
	}
	s.slabs[at.slab] = hs
	return at
}

// header gives the header of a slice of n elements a place.
func (s *scanner) header(n int) loc {
	at := s.arrayOf(ofHeaders, unsafe.Sizeof(header{}))
	h := header{len: n, cap: n}
	if n == 0 {
		h.data = unsafe.Pointer(&empty)
	}
	s.slabs[at.slab] = append(s.slabs[at.slab].(words[header]), h) //nolint:forcetypeassert // as arrayOf made it
	return at
}

// bytes gives a copy of plain memory a place, aligned for any number.
func (s *scanner) bytes(src []byte) loc {
	n := (len(src) + 7) / 8
	at := s.arrayOf(ofBytes, uintptr(n)*8)
	ws := append(s.slabs[at.slab].(words[uint64]), make(words[uint64], n)...) //nolint:forcetypeassert // as arrayOf made it
	store(ws, int(at.offset), src)
	s.slabs[at.slab] = ws
	return at
}

// finish returns the image, whose slabs are the original itself: they refer to
// nothing of what was scanned but strings.
func (s *scanner) finish() *image {
	for p, o := range s.open {
		s.close(p, o)
	}
	for i, sl := range s.slabs {
		switch sl := sl.(type) { // appending has left room
		case pointers:
			s.slabs[i] = exact(sl)
		case words[string]:
			s.slabs[i] = exact(sl)
		case words[header]:
			s.slabs[i] = exact(sl)
		case words[uint64]:
			s.slabs[i] = exact(sl)
		}
	}
	m := make(memory, len(s.slabs))
	for i, sl := range s.slabs {
		m[i] = sl.base()
	}
	for _, a := range s.amends {
		a.do(m.at(a.at))
	}
	s.link(m)
	for i := range s.fixes {
		s.fixes[i].first(m)
	}
	img := s.image
	img.relocs, img.fixes = exact(img.relocs), exact(img.fixes)
	return &img
}
