package cache

import (
	"encoding/binary"
	"slices"

	"google.golang.org/grpc/metadata"
)

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (string, []byte, bool) {
	s, rest, ok := cutBytes(b)
	return string(s), rest, ok
}

func cutBytes(b []byte) (s, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	b = b[w:]
	return b[:n:n], b[n:], true
}

// appendMD encodes metadata, but for the keys to skip. The keys are sorted, so that equal
// replies have equal values.
func appendMD(b []byte, md metadata.MD, skip func(key string) bool) []byte {
	var few [8]string // room for the keys: most replies have few
	keys := few[:0]
	for k := range md {
		if !skip(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = appendString(b, k)
		b = binary.AppendUvarint(b, uint64(len(md[k])))
		for _, v := range md[k] {
			b = appendString(b, v)
		}
	}
	return b
}

func cutMD(b []byte) (metadata.MD, []byte, bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)) {
		return nil, nil, false
	}
	b = b[w:]
	md := make(metadata.MD, min(n, 64))
	for range n {
		k, rest, ok := cutString(b)
		if !ok {
			return nil, nil, false
		}
		m, w := binary.Uvarint(rest)
		if w <= 0 || m > uint64(len(rest)) {
			return nil, nil, false
		}
		b = rest[w:]
		values := make([]string, 0, min(m, 64))
		for range m {
			var v string
			if v, b, ok = cutString(b); !ok {
				return nil, nil, false
			}
			values = append(values, v)
		}
		md[k] = values
	}
	return md, b, true
}
