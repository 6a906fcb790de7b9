package catalog_test

import (
	"testing"

	"github.com/freshet-io/freshet/examples/travel/internal/catalog"
)

func TestNew(t *testing.T) {
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Airports) < 4000 || len(c.Routes) != 200 || len(c.Flights) != 100 || len(c.Seats) != 32 {
		t.Errorf("got %d airports, %d routes, %d flights, %d seats each",
			len(c.Airports), len(c.Routes), len(c.Flights), len(c.Seats))
	}
	if got := c.Airports[0].IATA; got != "ATL" {
		t.Errorf("the most asked-for airport is %s, want ATL", got)
	}
	seen := map[catalog.Route]bool{}
	for _, r := range c.Routes {
		key := catalog.Route{Origin: r.Origin, Destination: r.Destination}
		if r.Origin == r.Destination || seen[key] || r.AmountCents < 2000 {
			t.Errorf("route %+v leads nowhere, twice, or for nothing", r)
		}
		seen[key] = true
	}
	numbers := map[string]bool{}
	for _, f := range c.Flights {
		if numbers[f.Number] {
			t.Errorf("flight %s stands twice", f.Number)
		}
		numbers[f.Number] = true
	}
}
