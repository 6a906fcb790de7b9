package suite

import (
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// silence looks for what was asked, answered, and by whom, in all that the cache logs.
func silence(t *testing.T, s subject.Subject, c *script.Case) error {
	scene := answering(c.Scene, script.Reply{Header: append([]string{"x-said: header-secret", `cache-groups: "group-secret"`}, fresh...), Body: "body-secret"})
	scene.Principal, scene.Rule, scene.Store = true, map[string]any{"scope": "PRINCIPAL"}, "good"
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		call := script.Call{ID: "id-secret", As: "who-secret", Want: script.OK}
		for _, mode := range []string{"good", "flip", "truncate", "fail", "panic", "good"} {
			for range 2 {
				st.Do(&script.Step{Store: &mode, Call: call})
			}
		}
		st.Do(&script.Step{Origin: script.Replies{{Header: []string{"cache-control: max-age=value-secret, x"}, Body: "body-secret"}}, Call: call})
		st.Do(&script.Step{Invalidate: []string{"group-secret"}, Call: call})
		for line := range strings.Lines(st.Logged()) {
			if strings.Contains(line, "-secret") {
				st.Failf("it is logged: %s", line)
			}
		}
	})
}

// statusKey looks for the request in cache-status.
func statusKey(st *stage.Stage) {
	for _, want := range []script.Want{script.Miss, script.Hit} {
		a := st.Answers(get("id-secret", want))[0]
		for _, v := range a.Header.Get("cache-status") {
			if strings.Contains(v, "secret") || strings.Contains(v, "GetProduct") {
				st.Failf("cache-status is %q", v)
			}
		}
	}
}
