package file_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/file"
)

func TestParse(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	abs := filepath.FromSlash
	for _, tt := range []struct {
		name, target string
		want         file.Target
	}{
		{"defaults", "file:///etc/x.yaml", file.Target{Path: abs("/etc/x.yaml"), Interval: time.Second, Authority: "localhost"}},
		{
			"options", "file:///etc/x.json?interval=1.5s&authority=svc.example:443",
			file.Target{Path: abs("/etc/x.json"), Interval: 1500 * time.Millisecond, Authority: "svc.example:443"},
		},
		{"least interval", "file:///x?interval=10ms", file.Target{Path: abs("/x"), Interval: 10 * time.Millisecond, Authority: "localhost"}},
		{"most interval", "file:///x?interval=24h", file.Target{Path: abs("/x"), Interval: 24 * time.Hour, Authority: "localhost"}},
		{"one slash", "file:/etc/x.yaml", file.Target{Path: abs("/etc/x.yaml"), Interval: time.Second, Authority: "localhost"}},
		{"percent-encoding", "file:///a%20b/%3F%2523", file.Target{Path: abs("/a b/?%23"), Interval: time.Second, Authority: "localhost"}},
		{"relative", "file:a%20b/x.yaml", file.Target{Path: filepath.Join(wd, "a b", "x.yaml"), Interval: time.Second, Authority: "localhost"}},
		{"relative, upwards", "file:../x.yaml", file.Target{Path: filepath.Join(wd, "..", "x.yaml"), Interval: time.Second, Authority: "localhost"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := file.Parse(tt.target)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.target, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", tt.target, diff)
			}
		})
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		want         []string
	}{
		{"no path", "file:///", []string{"path: must name a file, want file:///path.yaml"}},
		{"two slashes", "file://backends.yaml", []string{`between the second and the third slash, got "backends.yaml": write file:///`, "path: must name a file"}},
		{"interval, not a duration", "file:///x?interval=5", []string{`interval must be a duration like 1.5s, got "5"`}},
		{"interval, too short", "file:///x?interval=9ms", []string{"interval must be between 10ms and 24h0m0s, got 9ms"}},
		{"interval, too long", "file:///x?interval=25h", []string{"interval must be between 10ms and 24h0m0s, got 25h0m0s"}},
		{"options", "file:///x?interval=1s&interval=2s&poll=1s&authority=a/b", []string{
			"option interval must be given once, got 2 times", `unknown option "poll", known: authority, interval`, `authority "a/b": host "a/b" must have labels`,
		}},
		{"everything", "static://h/x?interval=x#f", []string{
			`scheme must be "file", got "static"`, `got "h"`, `a fragment has no meaning here, got "#f"`, `interval must be a duration`,
		}},
		{"not a URL", "file:///%zz", []string{`invalid URL escape "%zz"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := file.Parse(tt.target)
			if err == nil {
				t.Fatalf("Parse(%q) = %v, want an error", tt.target, got)
			}
			for _, want := range append(tt.want, "file: target") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Parse(%q) = %q, want %q in it", tt.target, err, want)
				}
			}
			if got, want := strings.Count(err.Error(), "; "), len(tt.want)-1; got != want {
				t.Errorf("Parse has %d faults, want %d: %q", got+1, want+1, err)
			}
		})
	}
}

// FuzzTarget holds that what Parse accepts is within its limits, and that Build
// refuses the rest with the same sentence.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"file:///etc/x.yaml?interval=1s&authority=svc.example", "file:x", "file:///%00", "file://h/x", "file:///x?interval=1e9h", "file:?", "file:%2F",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := file.Parse(s)
		if err == nil {
			if !filepath.IsAbs(got.Path) || got.Interval < 10*time.Millisecond || got.Interval > 24*time.Hour || got.Authority == "" {
				t.Fatalf("Parse(%q) = %+v", s, got)
			}
			return
		}
		u, urlErr := url.Parse(s)
		if urlErr != nil {
			return
		}
		_, buildErr := file.NewBuilder().Build(resolver.Target{URL: *u}, nil, resolver.BuildOptions{})
		if buildErr == nil || buildErr.Error() != err.Error() {
			t.Fatalf("Parse: %v, Build: %v", err, buildErr)
		}
	})
}
