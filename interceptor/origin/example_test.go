package origin_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// catalog serves products.
type catalog struct{ testv1.UnimplementedShopServer }

func (catalog) GetProduct(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	if req.GetId() == "tulip" { // its price changes by the second
		if err := origin.SetCacheControl(ctx, "max-age=1"); err != nil {
			return nil, err
		}
	}
	return &testv1.GetProductResponse{}, origin.Groups(ctx, "season:spring")
}

func (catalog) UpdateProduct(ctx context.Context, _ *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
	return &testv1.UpdateProductResponse{}, origin.Invalidate(ctx, "season:spring")
}

// front serves what it reads from a catalog.
type front struct {
	testv1.UnimplementedShopServer
	catalog testv1.ShopClient
}

func (f front) GetProduct(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	return f.catalog.GetProduct(ctx, req)
}

func Example() {
	o, err := origin.New()
	check(err)
	shop, stop := start(catalog{}, "catalog", o.ServerOptions(), nil)
	defer stop()

	ctx := context.Background()
	var trailer metadata.MD
	for _, id := range []string{"fern", "tulip"} {
		_, err = shop.GetProduct(ctx, &testv1.GetProductRequest{Id: id}, grpc.Trailer(&trailer))
		check(err)
		fmt.Println(trailer["cache-control"], trailer["cache-groups"])
	}
	_, err = shop.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "fern"}}, grpc.Trailer(&trailer))
	check(err)
	fmt.Println(trailer["cache-group-invalidation"])
	// Output:
	// [max-age=60] ["season:spring", "product:fern"]
	// [max-age=1] ["season:spring", "product:tulip"]
	// ["season:spring", "product:fern", "list"]
}

// A service whose proto nobody may edit gets its rules from a file.
func ExampleNew() {
	file, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy: {cache: {max_age: 5s, groups: ["item:{id}"]}}
`))
	check(err)
	o, err := origin.New(origin.WithoutAnnotations(), origin.WithPolicies(file))
	check(err)
	shop, stop := start(catalog{}, "catalog", o.ServerOptions(), nil)
	defer stop()

	var trailer metadata.MD
	_, err = shop.GetProduct(context.Background(), &testv1.GetProductRequest{Id: "fern"}, grpc.Trailer(&trailer))
	check(err)
	fmt.Println(trailer["cache-control"], trailer["cache-groups"])
	// Output:
	// [private, max-age=5] ["season:spring", "item:fern"]
}

// A server that reads from another passes on what that one says, also when its
// own cache answers.
func ExampleOrigin_DialOptions() {
	atCatalog, err := origin.New()
	check(err)
	atFront, err := origin.New(origin.WithDownstreamPrefix(func(string) string { return "catalog" }))
	check(err)
	c, err := cache.New(cache.WithMaxBytes(1 << 20))
	check(err)
	defer func() { _ = c.Close() }()

	down, stop := start(catalog{}, "catalog", atCatalog.ServerOptions(), append(atFront.DialOptions(), c.DialOptions()...))
	defer stop()
	shop, stopFront := start(front{catalog: down}, "front", atFront.ServerOptions(), nil)
	defer stopFront()

	for range 2 {
		var trailer metadata.MD
		_, err := shop.GetProduct(context.Background(), &testv1.GetProductRequest{Id: "fern"}, grpc.Trailer(&trailer))
		check(err)
		fmt.Println(trailer["cache-groups"])
	}
	fmt.Println(c.Stats().Hits, "hit")
	// Output:
	// ["product:fern", "catalog/season:spring", "catalog/product:fern"]
	// ["product:fern", "catalog/season:spring", "catalog/product:fern"]
	// 1 hit
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// start runs a server and connects to it.
func start(s testv1.ShopServer, name string, so []grpc.ServerOption, do []grpc.DialOption) (testv1.ShopClient, func()) {
	lis := bufconn.Listen(1 << 20)
	server := grpc.NewServer(so...)
	testv1.RegisterShopServer(server, s)
	go func() { _ = server.Serve(lis) }()
	conn, err := grpc.NewClient("passthrough:///"+name, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
	}, do...)...)
	check(err)
	return testv1.NewShopClient(conn), func() {
		_ = conn.Close()
		server.Stop()
	}
}
