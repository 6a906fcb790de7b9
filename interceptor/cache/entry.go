package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/store"
)

// The value of a stored reply:
//
//	reply's bytes as they came off the wire
//	endpoint, groups, header, trailer: lengths as uvarints
//	footer of footerSize bytes, little-endian
//
// The reply comes first so that it is copied once, into a buffer that the rest
// is appended to when the trailers are known. A store may lose, mix up or
// damage values: the footer ends with the digest that the value was stored
// under and a checksum over all before it.
const (
	footerSize = 5*8 + 2*4 + 4 + len(store.Key{}) + 4
	entryMagic = 0x46524531 // "FRE1"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("cache: the store returned a value that is damaged or another key's")
)

// entry is a stored reply.
type entry struct {
	policy   cachepolicy.Entry
	epoch    uint64 // the clock at the start of the fetch
	groups   []uint64
	endpoint string // that answered
	body     []byte
	md       []byte // header and trailer, encoded
}

// appendEntry appends what follows the reply's bytes, which buf holds.
func appendEntry(buf []byte, key store.Key, e *entry, header, trailer metadata.MD) []byte {
	body := len(buf)
	buf = appendString(buf, e.endpoint)
	buf = binary.AppendUvarint(buf, uint64(len(e.groups)))
	for _, g := range e.groups {
		buf = binary.LittleEndian.AppendUint64(buf, g)
	}
	buf = appendMD(buf, header)
	buf = appendMD(buf, trailer)
	le := binary.LittleEndian
	meta := len(buf) - body
	for _, d := range []time.Duration{e.policy.Requested, e.policy.InitialAge, e.policy.Terms.Lifetime, e.policy.Terms.StaleIfError} {
		buf = le.AppendUint64(buf, uint64(d))
	}
	buf = le.AppendUint64(buf, e.epoch)
	buf = le.AppendUint32(buf, uint32(body))
	buf = le.AppendUint32(buf, uint32(meta))
	buf = le.AppendUint32(buf, entryMagic)
	buf = append(buf, key[:]...)
	return le.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
}

// parseEntry checks and reads a stored value. The entry refers to value.
func parseEntry(key store.Key, value []byte) (*entry, error) {
	n := len(value) - footerSize
	if n < 0 {
		return nil, errDamaged
	}
	le := binary.LittleEndian
	end := len(value) - 4
	if crc32.Checksum(value[:end], castagnoli) != le.Uint32(value[end:]) {
		return nil, errDamaged
	}
	f := value[n:]
	body, meta := uint64(le.Uint32(f[40:])), uint64(le.Uint32(f[44:]))
	if le.Uint32(f[48:]) != entryMagic || store.Key(f[52:84]) != key || body+meta != uint64(n) {
		return nil, errDamaged
	}
	e := &entry{
		policy: cachepolicy.Entry{
			Requested:  time.Duration(le.Uint64(f)),
			InitialAge: time.Duration(le.Uint64(f[8:])),
			Terms: cachepolicy.Terms{
				Lifetime:     time.Duration(le.Uint64(f[16:])),
				StaleIfError: time.Duration(le.Uint64(f[24:])),
			},
		},
		epoch: le.Uint64(f[32:]),
		body:  value[:body:body],
	}
	if !e.parseMeta(value[body:n]) {
		return nil, errDamaged
	}
	return e, nil
}

func (e *entry) parseMeta(b []byte) bool {
	var ok bool
	if e.endpoint, b, ok = cutString(b); !ok {
		return false
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w)/8 {
		return false
	}
	b = b[w:]
	if n > 0 {
		e.groups = make([]uint64, n)
		for i := range e.groups {
			e.groups[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
	e.md = b[8*n:]
	return true
}

// metadata decodes the stored header and trailer; only calls that asked for
// them pay for it.
func (e *entry) metadata() (header, trailer metadata.MD, err error) {
	header, rest, ok := cutMD(e.md)
	if ok {
		trailer, rest, ok = cutMD(rest)
	}
	if !ok || len(rest) > 0 {
		return nil, nil, errDamaged
	}
	return header, trailer, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (string, []byte, bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	b = b[w:]
	return string(b[:n]), b[n:], true
}

// appendMD encodes metadata with its keys sorted, so that equal replies have
// equal values.
func appendMD(b []byte, md metadata.MD) []byte {
	keys := make([]string, 0, len(md))
	for k := range md {
		keys = append(keys, k)
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
