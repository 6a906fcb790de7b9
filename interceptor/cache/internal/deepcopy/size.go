package deepcopy

import (
	"math/bits"
	"reflect"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// heap is what the image takes on the heap, in bytes.
func (img *image) heap() int64 {
	n := class(uintptr(len(img.relocs)) * unsafe.Sizeof(reloc{}))
	n += class(uintptr(len(img.slabs)) * unsafe.Sizeof(slab(nil)))
	n += int64(len(img.fixes)) * int64(unsafe.Sizeof(fix{})+64) // and its closure
	for _, s := range img.slabs {
		switch s := s.(type) {
		case structs:
			n += class(s.array.Type().Size()) + 24
		case pointers:
			n += class(uintptr(len(s))*unsafe.Sizeof(uintptr(0))) + 24
		case words[string]:
			n += class(uintptr(len(s))*unsafe.Sizeof("")) + 24
		case words[header]:
			n += class(uintptr(len(s))*unsafe.Sizeof(header{})) + 24
		case words[uint64]:
			n += class(uintptr(len(s))*8) + 24
		}
	}
	return n
}

// valueSize is what a scalar, string or byte slice takes beside its words.
func valueSize(v reflect.Value) int64 {
	switch v.Kind() {
	case reflect.String, reflect.Slice:
		return class(uintptr(v.Len()))
	default:
		return 0
	}
}

// mapSize follows internal/runtime/maps: a group has eight slots and eight
// control bytes; more than one group is filled to seven eighths.
func mapSize(t reflect.Type, n int) int64 {
	const header, group, table = 48, 8, 40
	size := int64(header)
	slots := group
	if n > group {
		slots = 1 << bits.Len(uint(n*8/7))
		size += table
	}
	return size + class(uintptr(slots)*(1+t.Key().Size()+t.Elem().Size()))
}

// heapSize estimates what a message without a plan takes: its struct, and eight
// times its encoding for what that refers to, which is what nested messages with
// short strings take.
func heapSize(m protoreflect.Message) int64 {
	n := class(uintptr(proto.Size(m.Interface())) * 8)
	if t := reflect.TypeOf(m.Interface()); t.Kind() == reflect.Pointer {
		n += class(t.Elem().Size())
	}
	return n
}

// class rounds up to about the size that the allocator gives: its classes are 8
// to 16 bytes apart at first, and an eighth or less of themselves later.
func class(n uintptr) int64 {
	switch {
	case n <= 8:
		return int64(n+7) &^ 7
	case n <= 128:
		return int64(n+15) &^ 15
	default:
		step := uintptr(1) << (bits.Len(uint(n-1)) - 4)
		return int64((n + step - 1) &^ (step - 1))
	}
}
