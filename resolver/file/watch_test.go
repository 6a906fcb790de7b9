package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
)

// An interval and the time that a change must last, with the default interval.
const (
	poll   = time.Second
	settle = 50 * time.Millisecond
)

func wantLists(t *testing.T, c *channel, want ...string) {
	t.Helper()
	lists, faults := c.drain()
	if diff := cmp.Diff(want, lists); diff != "" {
		t.Errorf("published lists, -want +got:\n%s", diff)
	}
	if len(faults) > 0 {
		t.Errorf("reported errors: got %q, want none", faults)
	}
}

func TestListsAreSortedAndPublishedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, listOf("c:1 b:2|a:9 b:1"))
	synctest.Test(t, func(t *testing.T) {
		_, c := follow(t, path, "")
		wantLists(t, c, "b:1 b:2|a:9 c:1")

		replace(t, path, "# same list, other words\n"+listOf("b:1 c:01 b:2|a:9"))
		advance(10 * poll)
		wantLists(t, c)

		replace(t, path, listOf("b:1 c:1 a:9|b:2"))
		advance(poll + settle)
		wantLists(t, c, "a:9|b:2 b:1 c:1")
	})
}

func TestChangesAreSeen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		setup  func(t *testing.T, dir string) (path string)
		change func(t *testing.T, path string)
	}{
		{
			name: "atomic rename",
			setup: func(t *testing.T, dir string) string {
				path := filepath.Join(dir, "backends.yaml")
				write(t, path, listOf("a:1"))
				return path
			},
			change: func(t *testing.T, path string) { replace(t, path, listOf("a:1 b:2")) },
		},
		{
			name: "written in place, same size and time",
			setup: func(t *testing.T, dir string) string {
				path := filepath.Join(dir, "backends.yaml")
				write(t, path, listOf("a:1 b:3"))
				return path
			},
			change: func(t *testing.T, path string) {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				write(t, path, listOf("a:1 b:2"))
				if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "removed and made anew",
			setup: func(t *testing.T, dir string) string {
				path := filepath.Join(dir, "backends.yaml")
				write(t, path, listOf("a:1"))
				return path
			},
			change: func(t *testing.T, path string) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				write(t, path, listOf("a:1 b:2"))
			},
		},
		{
			name: "ConfigMap: the directory link above the link is turned",
			setup: func(t *testing.T, dir string) string {
				configMap(t, dir, "..2026_1", listOf("a:1"))
				path := filepath.Join(dir, "backends.yaml")
				if err := os.Symlink(filepath.Join("..data", "backends.yaml"), path); err != nil {
					t.Fatal(err)
				}
				return path
			},
			change: func(t *testing.T, path string) {
				dir := filepath.Dir(path)
				configMap(t, dir, "..2026_2", listOf("a:1 b:2"))
				if err := os.RemoveAll(filepath.Join(dir, "..2026_1")); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.setup(t, t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				_, c := follow(t, path, "")
				c.drain()
				tt.change(t, path)
				advance(poll + settle)
				wantLists(t, c, "a:1 b:2")
				if lines := logged.drain(); len(lines) > 0 {
					t.Errorf("logged: got %q, want nothing", lines)
				}
			})
		})
	}
}

// configMap writes version as a kubelet does: a new directory, then the link
// ..data renamed over the old one.
func configMap(t *testing.T, dir, version, content string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, version, "backends.yaml"), content)
	link := filepath.Join(dir, "..data")
	if err := os.Symlink(version, link+"_tmp"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+"_tmp", link); err != nil {
		t.Fatal(err)
	}
}

// A writer that pauses in the middle of the file, for less than a change must
// last, publishes no half of it, although the half is a list.
func TestHalfAWriteIsNotPublished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	whole := listOf("a:1 b:2 c:3")
	half := strings.TrimSuffix(whole, "- addresses: [\"c:3\"]\n")
	const pause = settle - time.Millisecond
	for before := time.Duration(0); before <= pause; before += pause / 7 {
		write(t, path, listOf("a:1"))
		synctest.Test(t, func(t *testing.T) {
			_, c := follow(t, path, "")
			c.drain()
			advance(poll - before) // the next reading is within the pause
			write(t, path, half)
			advance(pause)
			write(t, path, whole)
			advance(poll + settle)
			wantLists(t, c, "a:1 b:2 c:3")
			if lines := logged.drain(); len(lines) > 0 {
				t.Errorf("logged: got %q, want nothing", lines)
			}
		})
	}
}

func TestFaultsKeepTheLastGoodList(t *testing.T) {
	for _, tt := range []struct {
		name, fault string
		spoil       func(t *testing.T, path string)
	}{
		{"missing", "stat: no such file", func(t *testing.T, path string) { remove(t, path) }},
		{"empty", "is empty", func(t *testing.T, path string) { write(t, path, "") }},
		{"empty list", "endpoints must not be empty", func(t *testing.T, path string) { write(t, path, "endpoints: []") }},
		{"not YAML", "yaml: ", func(t *testing.T, path string) { write(t, path, "endpoints: [") }},
		{
			"two faults", `refused: line 1: the file: unknown field "x", known: endpoints; line 1: the file: field endpoints is missing`,
			func(t *testing.T, path string) { write(t, path, "x: 1") },
		},
		{"too big", "must have at most 1048576 bytes", func(t *testing.T, path string) {
			write(t, path, listOf("a:1")+strings.Repeat("#", 1<<20))
		}},
		{"a directory", "must be a regular file, got mode d", func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"a loop of links", "stat: too many levels of symbolic links", func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Symlink(path, path); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "backends.yaml")
			write(t, path, listOf("a:1 b:2"))
			synctest.Test(t, func(t *testing.T) {
				_, c := follow(t, path, "")
				c.drain()
				tt.spoil(t, path)
				advance(100 * poll)
				wantLists(t, c)
				lines := logged.drain()
				if len(lines) != 1 || !strings.Contains(lines[0], path) || !strings.Contains(lines[0], tt.fault) ||
					!strings.HasSuffix(lines[0], "; keeping the last good list of 2 endpoints") {
					t.Errorf("logged: got %q, want one line with the path, %q and what is kept", lines, tt.fault)
				}

				remove(t, path)
				write(t, path, listOf("a:1 b:2"))
				advance(2 * poll)
				wantLists(t, c)
				if lines := logged.drain(); len(lines) != 1 || !strings.HasSuffix(lines[0], "is good again: 2 endpoints") {
					t.Errorf("logged at the end of the fault: got %q, want one line that says so", lines)
				}
				replace(t, path, listOf("a:1"))
				advance(2 * poll)
				wantLists(t, c, "a:1")
			})
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestDistinctFaultsAreToldOnceEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	synctest.Test(t, func(t *testing.T) {
		_, c := follow(t, path, "")
		var told []string
		for _, content := range []string{"", "", "x: 1", "x: 1 # the same fault", "x: 2"} {
			advance(5 * poll)
			write(t, path, content)
		}
		advance(5 * poll)
		lists, faults := c.drain()
		for _, line := range logged.drain() {
			fault, ok := strings.CutSuffix(line, "; there is no list yet, calls fail")
			if !ok {
				t.Errorf("logged: got %q, want that there is no list yet", line)
			}
			told = append(told, fault)
		}
		if len(lists) > 0 || len(faults) != 3 {
			t.Errorf("got lists %q and errors %q, want three errors: missing, empty, refused", lists, faults)
		}
		if diff := cmp.Diff(faults, told); diff != "" {
			t.Errorf("errors and log differ, -errors +log:\n%s", diff)
		}
		write(t, path, listOf("a:1"))
		advance(2 * poll)
		wantLists(t, c, "a:1")
	})
}

// Hints shorten the wait, however many they are.
func TestResolveNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, listOf("a:1"))
	synctest.Test(t, func(t *testing.T) {
		r, c := follow(t, path, "?interval=24h")
		c.drain()
		replace(t, path, listOf("b:1"))
		advance(time.Hour)
		wantLists(t, c) // nobody asked
		for range 1000 {
			r.ResolveNow(resolver.ResolveNowOptions{})
		}
		advance(2 * settle) // to the reading, and to the one that agrees
		advance(settle)     // a second hint may have come between
		wantLists(t, c, "b:1")
	})
}

// "The resolver should use a backoff timer to prevent overloading the server
// with requests" (resolver.ClientConn).
func TestARefusedListIsOfferedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	synctest.Test(t, func(t *testing.T) {
		_, c := follow(t, path, "")
		c.setRefuse(errors.Join(balancer.ErrBadResolverState))
		write(t, path, listOf("a:1"))
		advance(poll + settle)
		c.mu.Lock()
		first := c.offers[0]
		c.mu.Unlock()
		advance(500 * time.Second)
		var got []time.Duration
		c.mu.Lock()
		for _, at := range c.offers {
			got = append(got, (at - first).Round(time.Millisecond))
		}
		c.mu.Unlock()
		s := time.Second
		want := []time.Duration{0, s, 3 * s, 7 * s, 15 * s, 31 * s, 63 * s, 127 * s, 247 * s, 367 * s, 487 * s}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("offers since the first, -want +got:\n%s", diff)
		}
		c.drain()

		write(t, path, listOf("a:1 b:2"))
		advance(poll + settle)
		wantLists(t, c, "a:1 b:2")
		c.setRefuse(nil)
		advance(s) // offered again, and taken
		wantLists(t, c, "a:1 b:2")
		advance(time.Hour)
		wantLists(t, c)
	})
}

// Hints in a tight loop, as some policies give them, do not offer a refused list
// any earlier.
func TestHintsDoNotBypassTheBackoff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, listOf("a:1"))
	synctest.Test(t, func(t *testing.T) {
		r, c := follow(t, path, "")
		c.setRefuse(balancer.ErrBadResolverState)
		replace(t, path, listOf("b:1"))
		for range 10_000 {
			r.ResolveNow(resolver.ResolveNowOptions{})
			advance(time.Millisecond)
		}
		if lists, _ := c.drain(); len(lists) > 6 { // a:1, then b:1 after 0, 1, 3 and 7 s
			t.Errorf("offered %d times in 10 s, want at most 6", len(lists))
		}
	})
}

func TestCloseEndsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, listOf("a:1"))
	synctest.Test(t, func(t *testing.T) {
		r, c := follow(t, path, "")
		c.drain()
		r.Close()
		r.ResolveNow(resolver.ResolveNowOptions{})
		replace(t, path, listOf("b:1"))
		advance(10 * poll)
		wantLists(t, c)
		r.Close() // a second time, as the cleanup does, is harmless
	})
}
