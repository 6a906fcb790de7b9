package stage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// checkOrigin checks what reached the origin between begin and now.
func (st *Stage) checkOrigin(b *batch, e *script.Expect, begin int64) {
	if b != nil {
		begin = min(begin, b.calls[0].begin)
	}
	log := st.origin.since(begin)
	want := e.Calls
	if want == nil && e.AtMost == nil && b != nil && b.step.Join == "" && b.step.Go == "" {
		switch n := max(1, b.step.N); {
		case b.step.Want == script.Hit:
			want = new(int)
		case n == 1 && (b.step.Want == script.Miss || b.step.Want == script.Validated):
			want = &n
		}
	}
	if want != nil && len(log) != *want {
		st.Failf("%d calls reached the origin, want %d", len(log), *want)
	}
	if e.AtMost != nil && len(log) > *e.AtMost {
		st.Failf("%d calls reached the origin, want at most %d", len(log), *e.AtMost)
	}
	if e.Cancelled != nil {
		n := 0
		for _, r := range st.origin.since(0) {
			if r.cancelled {
				n++
			}
		}
		if n != *e.Cancelled {
			st.Failf("%d calls were cancelled, want %d", n, *e.Cancelled)
		}
	}
	if len(e.Asked) > 0 {
		if len(log) == 0 {
			st.Failf("no call reached the origin, want one for %q", e.Asked)
		}
		if got := log[len(log)-1].id; got != strings.Join(e.Asked, ",") {
			st.Failf("the origin was asked for %q, want %q", strings.Split(got, ","), e.Asked)
		}
	}
	if len(e.Sees) > 0 {
		if len(log) == 0 {
			st.Failf("no call reached the origin, whose metadata was to be looked at")
		}
		if text := wrongMetadata(log[len(log)-1].md, e.Sees); text != "" {
			st.Failf("the origin sees %s", text)
		}
	}
}

// checkMetadata checks what the callers have.
func (st *Stage) checkMetadata(b *batch, e *script.Expect) {
	for _, c := range b.calls {
		if text := wrongMetadata(c.header, e.Header); text != "" {
			st.Failf("the header has %s", text)
		}
		if text := wrongMetadata(c.trailer, e.Trailer); text != "" {
			st.Failf("the trailer has %s", text)
		}
		if text := wrongStatus(c.header.Get("cache-status"), e.Status); text != "" {
			st.Failf("%s", text)
		}
		if e.Took != nil && c.took != e.Took.D() {
			st.Failf("the call took %v, want %v", c.took, e.Took.D())
		}
		if e.Within > 0 && c.took > e.Within.D() {
			st.Failf("the call took %v, want at most %v", c.took, e.Within.D())
		}
		if e.Body != nil && bodyOf(c.reply) != *e.Body {
			st.Failf("the product is %q, want %q", bodyOf(c.reply), *e.Body)
		}
		if e.Items != nil && !slices.Equal(itemsOf(c.reply), e.Items) {
			st.Failf("the items are %q, want %q", itemsOf(c.reply), e.Items)
		}
		for _, w := range e.Outcome {
			if c.words == nil {
				st.Missing("report of how a call was answered")
			}
			if !slices.Contains(c.words(), w) {
				st.Failf("the call is reported as %q, want %q", c.words(), w)
			}
		}
	}
}

// wrongMetadata says how md is not what is wanted, "" if it is.
func wrongMetadata(md metadata.MD, want []string) string {
	values := map[string][]string{}
	for _, l := range want {
		if k, absent := strings.CutPrefix(l, "!"); absent {
			if got := md.Get(k); len(got) > 0 {
				return fmt.Sprintf("%s: %q, want none", k, got)
			}
			continue
		}
		k, v := cutLine(l)
		values[k] = append(values[k], v)
	}
	for k, v := range values {
		if got := md.Get(k); !slices.Equal(got, v) {
			return fmt.Sprintf("%s: %q, want %q", k, got, v)
		}
	}
	return ""
}

// wrongStatus looks at the last member of cache-status.
func wrongStatus(values, want []string) string {
	if len(want) == 0 {
		return ""
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil || len(list) == 0 {
		return fmt.Sprintf("cache-status is %q, want one with %q", values, want)
	}
	last, ok := list[len(list)-1].(httpsfv.Item)
	if !ok {
		return fmt.Sprintf("cache-status is %q, want an item", values)
	}
	for _, w := range want {
		name, absent := strings.CutPrefix(w, "!")
		name, value, has := strings.Cut(name, "=")
		v, ok := last.Params.Get(name)
		got := fmt.Sprint(v)
		switch {
		case absent:
			ok = !ok || v == false
		case !has:
			ok = ok && v == true
		case value == "?0":
			ok = ok && v == false
		case value == "*":
		default:
			ok = ok && slices.Contains(strings.Split(value, "|"), got)
		}
		if !ok {
			return fmt.Sprintf("cache-status is %q, want %s", values, w)
		}
	}
	return ""
}

func bodyOf(m proto.Message) string {
	r := m.ProtoReflect()
	if fd := r.Descriptor().Fields().ByName("product"); fd != nil {
		p := r.Get(fd).Message()
		return p.Get(p.Descriptor().Fields().ByName("name")).String()
	}
	return ""
}

func itemsOf(m proto.Message) []string {
	r := m.ProtoReflect()
	fd := r.Descriptor().Fields().ByName("products")
	out := []string{}
	if fd == nil || !fd.IsList() {
		return out
	}
	list := r.Get(fd).List()
	for i := range list.Len() {
		item := list.Get(i).Message()
		out = append(out, item.Get(item.Descriptor().Fields().ByName("id")).String())
	}
	return out
}

// checkStats checks counters.
func (st *Stage) checkStats(want map[string]uint64) {
	if len(want) == 0 {
		return
	}
	c, ok := st.Cache.(subject.Counter)
	if !ok {
		st.Missing("counters")
	}
	got := c.Counters()
	for name, n := range want {
		if v, ok := got[name]; !ok || v != n {
			st.Failf("the counter %s is %d (of %v), want %d", name, v, got, n)
		}
	}
}

// checkSum checks, after a case, that what the cache counted adds up to the
// calls that were made.
func (st *Stage) checkSum() {
	c, ok := st.Cache.(subject.Counter)
	if !ok {
		return
	}
	got := c.Counters()
	name, parts := c.Parts()
	sum := uint64(0)
	for _, p := range parts {
		sum += got[p]
	}
	if made := st.counted.Load(); got[name] != sum || sum != made {
		st.Failf("%d calls were made, %s is %s, and its parts add up to %d", made, name, strconv.FormatUint(got[name], 10), sum)
	}
}
