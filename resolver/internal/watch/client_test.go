package watch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/watch"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

// get sends a request and returns its error.
func get(ctx context.Context, c *watch.Client, url string) error {
	resp, err := c.Get(ctx, url)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestTokenIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	synctest.Test(t, func(t *testing.T) {
		valid := map[string]bool{"Bearer one": true}
		var seen []string
		client := watch.Client{
			HTTP: watchtest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Header.Get("Authorization"))
				if !valid[r.Header.Get("Authorization")] {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})),
			Header: "Authorization", Prefix: "Bearer ", Token: watch.FileToken(path),
		}
		want := func(want string, status int) {
			t.Helper()
			seen = nil
			err := get(t.Context(), &client, "http://service/")
			code := http.StatusOK
			if s, ok := errors.AsType[*watch.StatusError](err); ok {
				code = s.Code
			} else if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(seen, ", "); got != want || code != status {
				t.Errorf("got requests with %q and status %d, want %q and %d", got, code, want, status)
			}
		}
		want("Bearer one", 200)
		valid["Bearer two"] = true
		write("two")
		watchtest.Advance(59 * time.Second)
		want("Bearer one", 200) // not a minute old
		watchtest.Advance(time.Second)
		want("Bearer two", 200)

		valid = map[string]bool{"Bearer three": true}
		write("three")
		want("Bearer two, Bearer three", 200) // refused, read, sent again
		valid = nil
		want("Bearer three", 401) // the same again would be refused again
		valid = map[string]bool{"Bearer three": true}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		watchtest.Advance(time.Hour)
		want("Bearer three", 200)
	})
}

func TestBadTokens(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{name: "missing", want: "no such file"},
		{name: "empty", content: " \n", want: "is empty"},
		{name: "two lines", content: "a\nX-Header: b", want: "characters that are no part of a token"},
		{name: "large", content: strings.Repeat("a", 1<<17), want: "at most 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			if tt.content != "" {
				if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			client := watch.Client{HTTP: http.DefaultClient, Token: watch.FileToken(path)}
			if err := get(t.Context(), &client, "http://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
	client := watch.Client{HTTP: http.DefaultClient, Token: watch.FileToken(t.TempDir())}
	if err := get(t.Context(), &client, "http://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a directory: got %v, want an error", err)
	}
}

func TestStatuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		followed := false
		mux := http.NewServeMux()
		mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/stolen", http.StatusFound)
		})
		mux.HandleFunc("/stolen", func(http.ResponseWriter, *http.Request) { followed = true })
		mux.HandleFunc("/kubernetes", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"kind":"Status","message":"slow down"}`)
		})
		mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "ACL not found\nsecond line", http.StatusForbidden)
		})
		mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("x", 1<<20), http.StatusInternalServerError)
		})
		client := watch.Client{HTTP: watch.Borrowed(watchtest.Serve(t, mux))}
		for path, want := range map[string]string{
			"redirect":   `HTTP status 302 Found: "<a href=`,
			"kubernetes": `HTTP status 429 Too Many Requests: "slow down"`,
			"text":       `HTTP status 403 Forbidden: "ACL not found"`,
			"long":       `HTTP status 500 Internal Server Error: "xxx`,
		} {
			err := get(t.Context(), &client, "http://service/"+path)
			if err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 400 {
				t.Errorf("%s: got %v, want an error with %q", path, err, want)
			}
			s, _ := errors.AsType[*watch.StatusError](err)
			if path == "kubernetes" && (s == nil || s.RetryAfter != 7*time.Second) {
				t.Errorf("%s: got %v, want Retry-After of 7s", path, err)
			}
		}
		if followed {
			t.Error("a redirect was followed")
		}
	})
}

func TestRetryAfterIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := ""
		client := watch.Client{HTTP: watchtest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))}
		for _, tt := range []struct {
			value string
			want  time.Duration
		}{
			{value: "90", want: 90 * time.Second},
			{value: " 5 ", want: 5 * time.Second},
			{value: "99999999999999999999", want: 5 * time.Minute}, // the most that is heeded
			{value: time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat), want: 40 * time.Second},
			{value: time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)},
			{value: ""}, {value: "-3"}, {value: "1.5"}, {value: "soon"},
		} {
			value = tt.value
			err := get(t.Context(), &client, "http://service/")
			if s, ok := errors.AsType[*watch.StatusError](err); !ok || s.RetryAfter != tt.want {
				t.Errorf("%q: got %+v, want Retry-After of %v", tt.value, err, tt.want)
			}
		}
	})
}

// What differs from one request to the next would make one fault many.
func TestErrorsAreTheSameEachTime(t *testing.T) {
	breaks := func(source string) *http.Client {
		return &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			from, _ := net.ResolveTCPAddr("tcp", source)
			to, _ := net.ResolveTCPAddr("tcp", "10.0.0.1:6443")
			return nil, &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: syscall.ECONNRESET}
		})}
	}
	var texts []string
	for i, source := range []string{"127.0.0.1:40001", "127.0.0.1:40002"} {
		client := watch.Client{HTTP: breaks(source)}
		err := get(t.Context(), &client, fmt.Sprintf("http://service/slices?secret=hunter2&timeoutSeconds=%d", i))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("got %v, want one that wraps %v", err, syscall.ECONNRESET)
		}
		texts = append(texts, err.Error())
	}
	if want := "service: read tcp 10.0.0.1:6443: connection reset by peer"; texts[0] != want || texts[1] != want {
		t.Errorf("got %q, want twice %q", texts, want)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		limit      int64
		want       string // "": no error
	}{
		{name: "good", body: `{"A":1}` + "\n", limit: 8},
		{name: "as large as may be", body: `{"A":1}`, limit: 7},
		{name: "too large", body: `{"A":1       }`, limit: 13, want: "at most 13 bytes"},
		{name: "cut", body: `{"A":`, limit: 100, want: "unexpected EOF"},
		{name: "nothing", limit: 100, want: "unexpected EOF"},
		{name: "more", body: `{"A":1}{}`, limit: 100, want: "something follows"},
		{name: "no JSON", body: `<html>`, limit: 100, want: "invalid character"},
		{name: "another type", body: `{"A":"1"}`, limit: 100, want: "cannot unmarshal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v struct{ A int }
			err := watch.Decode(strings.NewReader(tt.body), tt.limit, &v)
			if tt.want == "" && (err != nil || v.A != 1) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, %v, want error %q", v.A, err, tt.want)
			}
		})
	}
}

func TestStream(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		from   io.Reader
		values int
		want   error
		text   string
	}{
		{name: "ends", from: strings.NewReader("1\n2\n3\n"), values: 3, want: io.EOF},
		{name: "slow", from: iotest.OneByteReader(strings.NewReader("1 2 3 ")), values: 3, want: io.EOF},
		{name: "cut", from: strings.NewReader("1\n[2"), values: 1, want: io.ErrUnexpectedEOF},
		{name: "breaks", from: io.MultiReader(strings.NewReader("1\n"), iotest.ErrReader(broken)), values: 1, want: broken},
		{name: "malformed", from: strings.NewReader("1\n]"), values: 1, want: watch.ErrMalformed},
		{name: "too large", from: strings.NewReader("1\n\"" + strings.Repeat("x", 4096) + "\""), values: 1, want: watch.ErrMalformed, text: "at most 1024 bytes"},
		{name: "many that are not", from: strings.NewReader(strings.Repeat("12345678\n", 1000)), values: 1000, want: io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := watch.NewStream(t.Context(), tt.from, 1024)
			values := 0
			var err error
			for err == nil {
				var v any
				if err = s.Next(&v); err == nil {
					values++
				}
			}
			if values != tt.values || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %d values, then %v, want %d, then %v %s", values, err, tt.values, tt.want, tt.text)
			}
		})
	}
}

func TestAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, alarm := watch.NewAlarm(t.Context(), time.Minute)
		r, w := io.Pipe()
		go func() {
			for range 3 {
				<-time.After(59 * time.Second)
				_, _ = w.Write([]byte("1\n"))
			}
			<-ctx.Done()
			_ = w.CloseWithError(ctx.Err())
		}()
		start := time.Now()
		s := watch.NewStream(ctx, alarm.Watch(r), 1024)
		var err error
		for err == nil {
			var v int
			err = s.Next(&v)
		}
		if took := time.Since(start); !errors.Is(err, watch.ErrSilent) || took != 3*59*time.Second+time.Minute {
			t.Errorf("got %v after %v, want %v a minute after the last byte", err, took, watch.ErrSilent)
		}
		alarm.Stop()
		quiet, alarm := watch.NewAlarm(t.Context(), time.Minute)
		alarm.Stop()
		watchtest.Advance(time.Hour)
		if cause := context.Cause(quiet); !errors.Is(cause, context.Canceled) {
			t.Errorf("after Stop: got cause %v, want %v", cause, context.Canceled)
		}
	})
}
