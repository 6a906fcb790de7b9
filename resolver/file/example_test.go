package file_test

import (
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/file"
)

func ExampleParse() {
	t, err := file.Parse("file:///etc/search/backends.yaml?interval=2s")
	fmt.Println(t.Interval, t.Authority, err)

	_, err = file.Parse("file://backends.yaml?intervall=2s")
	fmt.Println(err)
	// Output:
	// 2s localhost <nil>
	// file: target "file://backends.yaml?intervall=2s": nothing may stand between the second and the third slash, got "backends.yaml": write file:///…; unknown option "intervall", known: authority, interval; path: must name a file, want file:///path.yaml
}

func ExampleNewBuilder() {
	dir, err := os.MkdirTemp("", "backends")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "backends.yaml")
	if err := os.WriteFile(path, []byte(`endpoints:
  - addresses: ["10.0.0.1:50051", "[2001:db8::1]:50051"]
  - addresses: ["10.0.0.2:50051"]
`), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	cc, err := grpc.NewClient("file://"+path,
		grpc.WithResolvers(file.NewBuilder()),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget() == "file://"+path)
	// Output:
	// true
}
