//go:build unix

package kubernetes_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

// A pipe in place of a file is refused rather than opened, which would block
// until somebody wrote to it, and Close or Build with it.
func TestPipesAreRefused(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	for _, file := range []string{"ca.crt", "namespace"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mkfifo(filepath.Join(dir, file), 0o600); err != nil {
				t.Skip(err)
			}
			synctest.Test(t, func(t *testing.T) {
				b, err := kubernetes.NewBuilder(kubernetes.WithDirectory(dir))
				if err != nil {
					t.Fatal(err)
				}
				const want = "must be a regular file"
				if file == "namespace" {
					target := resolver.Target{URL: url.URL{Scheme: "kubernetes", Path: "/search:grpc"}}
					_, err := b.Build(target, &watchtest.Channel{}, resolver.BuildOptions{})
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want an error with %q", err, want)
					}
					return
				}
				_, cc := watchtest.Build(t, b, "kubernetes:///search.shop:grpc")
				synctest.Wait()
				cc.WantError(t, want)
			})
		})
	}
}
