package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxBytes bounds the file. It is read whole, every interval.
const maxBytes = 1 << 20

// reading is what one look at the file gave: its bytes, or why there are none.
type reading struct {
	data []byte
	err  error
}

func (r reading) same(o reading) bool {
	if r.err != nil || o.err != nil {
		return r.err != nil && o.err != nil && r.err.Error() == o.err.Error()
	}
	return bytes.Equal(r.data, o.data)
}

// read reads the file at path, which may be a symbolic link.
func read(path string) reading {
	data, err := readFile(path)
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pe.Op, pe.Err) // whoever tells it names the path
	}
	return reading{data: data, err: err}
}

func readFile(path string) ([]byte, error) {
	// Opening a pipe would block until somebody writes to it.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("must be a regular file, got mode %v", info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("must have at most %d bytes", maxBytes)
	}
	return data, nil
}

// change is what a look at the file found.
type change int

const (
	unchanged change = iota // nothing new
	unsettled               // something new, to be looked at again before it counts
	changed                 // something new
)

// follower tells a file that has changed from one that is being written.
type follower struct {
	path  string
	taken *reading // the reading that counts, nil before the first
	seen  *reading // a differing one that was read once, or nil
}

// look reads the file. A reading that differs from the one that counts comes to
// count when the next one is the same; the first counts at once, because nobody
// can be answered without it.
func (f *follower) look() (reading, change) {
	r := read(f.path)
	switch {
	case f.taken != nil && r.same(*f.taken):
		f.seen = nil
		return r, unchanged
	case f.taken == nil, f.seen != nil && r.same(*f.seen):
		f.taken, f.seen = &r, nil
		return r, changed
	default:
		f.seen = &r
		return r, unsettled
	}
}
