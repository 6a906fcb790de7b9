package bigcachestore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

func ExampleNew() {
	s, err := bigcachestore.New(bigcachestore.WithMaxBytes(8 << 20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	ctx := context.Background()
	key := store.Key(sha256.Sum256([]byte("airport VIE")))
	if err := s.Set(ctx, key, []byte("Vienna"), time.Minute); err != nil {
		fmt.Println("not kept:", err)
	}
	value, found, err := s.Get(ctx, key)
	fmt.Printf("%s %v %v\n", value, found, err)

	err = s.Set(ctx, key, make([]byte, 1<<20), time.Minute)
	fmt.Println(errors.Is(err, store.ErrTooLarge))
	fmt.Println(s.Bytes() < 8<<20)

	// Output:
	// Vienna true <nil>
	// true
	// true
}

func ExampleWithMaxBytes() {
	_, err := bigcachestore.New(bigcachestore.WithMaxBytes(100_000))
	fmt.Println(err)

	// Output:
	// bigcachestore: maxBytes must be between 1048576 and 1099511627776, got 100000
}
