package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
	"github.com/freshet-io/freshet/interceptor/store"
)

// The value of a stored reply:
//
//	reply's bytes as they came off the wire; of an error, its google.rpc.Status
//	endpoint, etag, groups, header, trailer: lengths as uvarints
//	footer of footerSize bytes, little-endian
//
// The reply comes first so that it is copied once, into a buffer that the rest
// is appended to when the trailers are known. A store may lose, mix up or
// damage values: the footer ends with the digest that the value was stored
// under and a checksum over all before it.
const (
	footerSize = 7*8 + 4*4 + len(store.Key{}) + 4
	entryMagic = 0x46524532 // "FRE2"
)

// The flags of a stored reply.
const (
	flagMustRevalidate uint32 = 1 << iota
	flagNoCache
	flagNegative
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("cache: the store returned a value that is damaged or another key's")
)

// entry is a stored reply.
type entry struct {
	policy   cachepolicy.Entry
	epoch    uint64 // the clock at the start of the fetch, or of the last validation
	groups   []epoch.Group
	endpoint []byte // that answered
	etag     []byte // none: there is nothing to validate by
	body     []byte
	size     int    // of body, which a decoded reply has no more
	md       []byte // header and trailer, encoded
	fetch    fetchID

	few [4]epoch.Group // room for groups: most replies have few
}

// fetchID tells the fetches of one key apart: the clock and the time at which
// the stored bytes were asked for, whatever has validated them since.
type fetchID struct {
	epoch     uint64
	requested time.Duration
}

// appendEntry appends what follows the reply's bytes, which buf holds; of the metadata not the
// keys to skip.
func appendEntry(buf []byte, key store.Key, e *entry, header, trailer metadata.MD, skip func(key string) bool) []byte {
	body := len(buf)
	buf = appendBytes(buf, e.endpoint)
	buf = appendBytes(buf, e.etag)
	buf = binary.AppendUvarint(buf, uint64(len(e.groups)))
	le := binary.LittleEndian
	for _, g := range e.groups {
		buf = le.AppendUint64(buf, g.Hash)
		buf = binary.AppendUvarint(buf, g.Version)
	}
	buf = appendMD(buf, header, skip)
	buf = appendMD(buf, trailer, skip)
	meta := len(buf) - body
	p := &e.policy
	for _, d := range [...]time.Duration{p.Requested, p.InitialAge, p.Terms.Lifetime, p.Terms.StaleIfError, p.Terms.StaleWhileRevalidate} {
		buf = le.AppendUint64(buf, uint64(d))
	}
	buf = le.AppendUint64(buf, e.epoch)
	buf = le.AppendUint64(buf, p.Version)
	buf = le.AppendUint32(buf, uint32(body))
	buf = le.AppendUint32(buf, uint32(meta))
	buf = le.AppendUint32(buf, flagsOf(p))
	buf = le.AppendUint32(buf, entryMagic)
	buf = append(buf, key[:]...)
	return le.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
}

func flagsOf(p *cachepolicy.Entry) uint32 {
	var flags uint32
	if p.Terms.MustRevalidate {
		flags |= flagMustRevalidate
	}
	if p.Terms.NoCache {
		flags |= flagNoCache
	}
	if p.Negative {
		flags |= flagNegative
	}
	return flags
}

// parse checks and reads a stored value, to which the entry refers from then on.
func (e *entry) parse(key store.Key, value []byte) error {
	n := len(value) - footerSize
	if n < 0 {
		return errDamaged
	}
	le := binary.LittleEndian
	end := len(value) - 4
	if crc32.Checksum(value[:end], castagnoli) != le.Uint32(value[end:]) {
		return errDamaged
	}
	f := value[n:]
	body, meta, flags := uint64(le.Uint32(f[56:])), uint64(le.Uint32(f[60:])), le.Uint32(f[64:])
	if le.Uint32(f[68:]) != entryMagic || store.Key(f[72:104]) != key || body+meta != uint64(n) {
		return errDamaged
	}
	duration := func(at int) time.Duration { return time.Duration(le.Uint64(f[at:])) }
	e.policy = cachepolicy.Entry{
		Requested:  duration(0),
		InitialAge: duration(8),
		Terms: cachepolicy.Terms{
			Lifetime:             duration(16),
			StaleIfError:         duration(24),
			StaleWhileRevalidate: duration(32),
			MustRevalidate:       flags&flagMustRevalidate != 0,
			NoCache:              flags&flagNoCache != 0,
		},
		Version:  le.Uint64(f[48:]),
		Negative: flags&flagNegative != 0,
	}
	e.epoch = le.Uint64(f[40:])
	e.body, e.size = value[:body:body], int(body)
	e.fetch = fetchID{e.epoch, e.policy.Requested}
	if !e.parseMeta(value[body:n]) {
		return errDamaged
	}
	return nil
}

func (e *entry) parseMeta(b []byte) bool {
	var ok bool
	if e.endpoint, b, ok = cutBytes(b); !ok {
		return false
	}
	if e.etag, b, ok = cutBytes(b); !ok {
		return false
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w)/9 { // a hash and at least one byte of version
		return false
	}
	b = b[w:]
	if e.groups = e.few[:0]; n > uint64(len(e.few)) {
		e.groups = make([]epoch.Group, n)
	}
	e.groups = e.groups[:n]
	for i := range e.groups {
		if len(b) < 9 {
			return false
		}
		e.groups[i].Hash = binary.LittleEndian.Uint64(b)
		v, w := binary.Uvarint(b[8:])
		if w <= 0 {
			return false
		}
		e.groups[i].Version, b = v, b[8+w:]
	}
	e.md = b
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
