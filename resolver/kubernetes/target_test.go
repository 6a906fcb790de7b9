package kubernetes_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/kubernetes"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   kubernetes.Target
	}{
		{target: "kubernetes:///search.shop:50051", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "50051"}},
		{target: "kubernetes:///search:grpc", want: kubernetes.Target{Service: "search", Port: "grpc"}},
		{target: "kubernetes:///search", want: kubernetes.Target{Service: "search"}},
		{target: "kubernetes:search.shop:grpc", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "grpc"}},
		{target: "kubernetes://shop/search:grpc", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "grpc"}},
		{target: "kubernetes://shop/search.shop:grpc", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "grpc"}},
		{target: "kubernetes:///search.shop.svc:grpc", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "grpc"}},
		{target: "kubernetes:///search.shop.svc.cluster.local:1", want: kubernetes.Target{Service: "search", Namespace: "shop", Port: "1"}},
		{target: "kubernetes:///search.shop:grpc?hold=0s&terminating=mark&zone=eu-1&authority=search.example", want: kubernetes.Target{
			Service: "search", Namespace: "shop", Port: "grpc", MarkTerminating: true, Zone: "eu-1", Authority: "search.example",
		}},
	} {
		t.Run(tt.target, func(t *testing.T) {
			if !strings.Contains(tt.target, "hold") {
				tt.want.Hold = time.Minute
			}
			got, err := kubernetes.Parse(tt.target)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   []string
	}{
		{target: "kubernetes:///", want: []string{"service must be 1 to 63 of a-z, 0-9 and '-', got \"\": write kubernetes:///service.namespace:port"}},
		{target: "kubernetes:///Search.Shop:Grpc", want: []string{`service must be`, `namespace must be`, `port: must be a number, or a name`}},
		{target: "kubernetes:///search.shop:0", want: []string{`port: must be between 1 and 65535, got "0"`}},
		{target: "kubernetes:///search.shop:", want: []string{`port: must be a number, or a name of 1 to 63 of a-z, 0-9 and '-', got ""`}},
		{target: "kubernetes:///search.shop:1:2", want: []string{`port: must be`}},
		{target: "kubernetes:///search.shop.pod:1", want: []string{`after service.namespace only .svc and the cluster's domain may follow, got "pod"`}},
		{target: "kubernetes:///search.:1", want: []string{`namespace must be`}},
		{target: "kubernetes://other/search.shop:1", want: []string{`namespace is given twice, as "other" and as "shop"`}},
		{target: "kubernetes://search.shop:50051", want: []string{`service must be`, `namespace must be`}},
		{target: "kubernetes://token@shop/search:1?token=secret", want: []string{"user information has no place", `unknown option "token", known: authority, hold, terminating, zone`}},
		{target: "kubernetes:///search.shop:1?hold=-1s&terminating=x", want: []string{"hold must be between 0s and 24h0m0s, got -1s", `terminating must be mark or spare, got "x"`}},
		{target: "kubernetes:///search.shop:1?hold=soon", want: []string{`hold must be a duration like 1.5s, got "soon"`}},
		{target: "dns:///search.shop:1", want: []string{`scheme must be "kubernetes"`}},
		{target: "kubernetes://%zz", want: []string{"kubernetes: target: "}},
	} {
		t.Run(tt.target, func(t *testing.T) {
			_, err := kubernetes.Parse(tt.target)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q, which tells a secret", err)
			}
		})
	}
}

func TestOverrideAuthority(t *testing.T) {
	for target, want := range map[string]string{
		"kubernetes:///search.shop:grpc":                         "search.shop.svc",
		"kubernetes:///search.shop.svc.cluster.local:grpc":       "search.shop.svc",
		"kubernetes://shop/search:grpc?authority=search.example": "search.example",
		"kubernetes:///search:grpc":                              "search.pods.svc",
		"kubernetes:///SEARCH":                                   "localhost",
	} {
		dir := serviceAccount(t, map[string]string{"namespace": "pods\n"})
		b, err := kubernetes.NewBuilder(kubernetes.WithDirectory(dir))
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.(resolver.AuthorityOverrider).OverrideAuthority(resolver.Target{URL: *u}); got != want {
			t.Errorf("%s: got authority %q, want %q", target, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"kubernetes:///search.shop:grpc", "kubernetes://shop/search:1?hold=1s&zone=a", "kubernetes:search",
		"kubernetes:///a.b.svc.c:1?terminating=mark&authority=a.b", "kubernetes://u:p@h/%2f?x=%zz#f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := kubernetes.Parse(s)
		if err != nil {
			if got != (kubernetes.Target{}) || !strings.HasPrefix(err.Error(), "kubernetes: ") || len(err.Error()) > 32<<10 {
				t.Fatalf("got %+v with error %q", got, err)
			}
			return
		}
		again, err := kubernetes.Parse("kubernetes://" + got.Namespace + "/" + got.Service)
		if err != nil || again.Service != got.Service || again.Namespace != got.Namespace {
			t.Fatalf("%q: the name %q in %q is not its own: %+v, %v", s, got.Service, got.Namespace, again, err)
		}
		if got.Hold < 0 || got.Hold > 24*time.Hour {
			t.Fatalf("%q: hold %v", s, got.Hold)
		}
	})
}
