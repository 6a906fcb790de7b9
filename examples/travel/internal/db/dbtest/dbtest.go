// Package dbtest gives tests databases that are filled already: filling one
// takes a second under the race detector, copying it does not.
//
//	d, err := db.Open(ctx, dbtest.File(t), nil)
package dbtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
)

// File returns the path of a new database file, filled, in a folder that goes
// with the test.
func File(t testing.TB) string {
	t.Helper()
	data, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "travel.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// filled is the content of a filled file, made once a process.
var filled = sync.OnceValues(func() (data []byte, err error) {
	dir, err := os.MkdirTemp("", "freshet-dbtest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "travel.db")
	d, err := db.Open(context.Background(), path, nil)
	if err != nil {
		return nil, err
	}
	// The last connection to close moves the log into the file.
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
