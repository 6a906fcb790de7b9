package suite

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// groupsHeader is a reply in n groups.
func groupsHeader(n int) script.Reply {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%q", "group "+strconv.Itoa(i))
	}
	return script.Reply{Header: append([]string{"cache-groups: " + strings.Join(names, ", ")}, fresh...)}
}

// tooManyGroups has replies in as many groups as are read, and in one more.
func tooManyGroups(t *testing.T, s subject.Subject, c *script.Case) error {
	return within(t, s, answering(c.Scene, groupsHeader(128)), stage.Options{}, func(st *stage.Stage) {
		st.Do(get("1", script.Miss))
		st.Do(get("1", script.Hit))
		st.Do(&script.Step{Origin: script.Replies{groupsHeader(129)}})
		st.Do(get("2", script.Miss))
		st.Do(get("2", script.Miss))
	})
}

// largeGroup invalidates a thousand replies by one word: the store is not touched. How long a
// hundred thousand take is measured elsewhere (BenchmarkMassInvalidation of interceptor/cache).
func largeGroup(t *testing.T, s subject.Subject, c *script.Case) error {
	scene := answering(c.Scene, script.Reply{Header: append([]string{`cache-groups: "all"`}, fresh...)})
	scene.Store = "good"
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		const ids = 1000
		for n := range ids {
			st.Do(get(strconv.Itoa(n), script.Miss))
		}
		reads, changes := st.Used()
		st.Do(&script.Step{Invalidate: []string{"all"}})
		if r, c := st.Used(); r != reads || c != changes {
			st.Failf("an invalidation read the store %d times, and changed it %d times, want 0 and 0", r-reads, c-changes)
		}
		for n := 0; n < ids; n += 50 {
			st.Do(get(strconv.Itoa(n), script.Miss))
		}
	})
}

// manyGroups invalidates a million groups.
func manyGroups(t *testing.T, s subject.Subject, c *script.Case) error {
	scene := answering(c.Scene, script.Reply{ID: "gone", Header: append([]string{`cache-groups: "gone"`}, fresh...)}, script.Reply{Header: fresh})
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		inv, ok := st.Cache.(subject.Invalidator)
		if !ok {
			st.Missing("way to invalidate a group of replies")
		}
		st.Do(get("gone", script.Miss))
		inv.Invalidate("gone")
		before := heap()
		batch := make([]string, 100)
		for n := range 10_000 {
			for i := range batch {
				batch[i] = "g" + strconv.Itoa(n*len(batch)+i)
			}
			inv.Invalidate(batch...)
		}
		if more := heap() - before; more > 1<<20 {
			st.Failf("a million invalidated groups have left %d bytes, want at most %d", more, 1<<20)
		}
		st.Do(get("gone", script.Miss)) // and never a false hit
		st.Do(get("later", script.Miss))
		st.Do(get("later", script.Hit))
	})
}

// validationsWriteNothing validates a reply again and again.
func validationsWriteNothing(t *testing.T, s subject.Subject, c *script.Case) error {
	scene := answering(c.Scene, script.Reply{Etag: `"abc"`, Header: []string{"cache-control: max-age=0"}})
	scene.Store = "good"
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		st.Do(get("1", script.Miss))
		_, before := st.Used()
		for range 1000 {
			st.Do(get("1", script.Validated))
		}
		if _, after := st.Used(); after != before {
			st.Failf("1000 validations changed the store %d times, want 0", after-before)
		}
	})
}

// strangeDirectives has the origin say strange things.
func strangeDirectives(t *testing.T, s subject.Subject, c *script.Case) error {
	return within(t, s, c.Scene, stage.Options{}, func(st *stage.Stage) {
		for n, value := range []string{
			"cache-control: max-age=3600, ext=" + strings.Repeat("x", 64<<10),
			"cache-control: max-age=3600" + strings.Repeat(", a=1", 10_000),
			`cache-control: max-age=3600, ext="not ended`,
			`cache-control: max-age="3600`,
			"cache-control: max-age=3600, =, ;;, \"",
			"cache-control: " + strings.Repeat(",", 60_000),
			"cache-control: max-age=" + strings.Repeat("9", 60_000) + "x",
			"cache-control-bin: bWF4LWFnZT0zNjAw",
		} {
			st.Do(&script.Step{Origin: script.Replies{{Header: []string{value}}}})
			for range 2 {
				st.Do(get(strconv.Itoa(n), script.Miss))
			}
		}
	})
}
