//go:build unix

package file_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// A pipe is refused rather than opened, which would block until somebody wrote
// to it, and Close with it.
func TestAPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	synctest.Test(t, func(t *testing.T) {
		_, c := follow(t, path, "")
		_, faults := c.drain()
		if len(faults) != 1 || !strings.Contains(faults[0], "must be a regular file") {
			t.Errorf("got errors %q, want that a pipe is no regular file", faults)
		}
	})
}
