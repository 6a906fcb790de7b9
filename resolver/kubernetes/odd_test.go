package kubernetes_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

// "Setting a limit may return fewer than the requested amount of items (up to
// zero items)" (ListOptions): only the token says whether there are more.
func TestAnEmptyPageIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		a.answer = func(w http.ResponseWriter, r *http.Request, watch bool) bool {
			page, _ := strings.CutPrefix(r.URL.Query().Get("continue"), "page/")
			if watch || page == "2" {
				return false
			}
			next := map[string]int{"": 1, "1": 2}[page]
			_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"101","continue":"page/%d"},"items":[]}`, next)
			return true
		}
		lists := a.answer
		a.answer = func(w http.ResponseWriter, r *http.Request, watch bool) bool {
			if r.URL.Query().Get("continue") == "page/2" {
				_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"101"},"items":[%s]}`, render("search-a", a.objects["search-a"], 101))
				return true
			}
			return lists(w, r, watch)
		}
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		wantAsked(t, a, "list, more from 1, more from 2, watch 101")
	})
}

func TestPagesWithoutEndAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		pages := 0
		a.answer = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
			pages++
			_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"7","continue":"x/%d"},"items":[]}`, pages)
			return true
		}
		_, cc := follow(t, a, "")
		cc.WantError(t, "pages do not end")
		if pages != 1000 {
			t.Errorf("asked for %d pages, want 1000", pages)
		}
	})
}

// What ends every watch at once, as a proxy may, is not asked every second.
func TestWatchesThatEndAtOnceBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		a.answer = func(_ http.ResponseWriter, _ *http.Request, watch bool) bool { return watch }
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		watchtest.Advance(10 * time.Minute)
		asked := a.asked()
		if n := strings.Count(asked, "watch"); n < 20 || n > 50 {
			t.Errorf("watched %d times in 10 min, want 20 to 50", n)
		}
		if !strings.Contains(asked, "list") {
			t.Error("the version was not doubted")
		}
		a.with(func() { a.answer = nil })
		a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
		watchtest.Advance(31 * time.Second)
		cc.Want(t, "10.0.0.2:50051")
	})
}

// An error in a watch says how long to stay away in its own words.
func TestAWatchMayAskToBeLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		a.asked()
		a.answer = func(w http.ResponseWriter, _ *http.Request, watch bool) bool {
			_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","code":429,"message":"slow down","details":{"retryAfterSeconds":80}}}`+"\n")
			return watch
		}
		a.cut()
		watchtest.Advance(time.Minute)
		wantAsked(t, a, "watch 101")
		watchtest.Advance(time.Minute)
		wantAsked(t, a, "watch 101")
	})
}
