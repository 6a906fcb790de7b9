package airports_test

import (
	"math"
	"testing"

	"github.com/freshet-io/freshet/examples/travel/internal/airports"
)

func TestDataSet(t *testing.T) {
	all, err := airports.All()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(all), 4000; got < want {
		t.Errorf("got %d airports, want at least %d", got, want)
	}
	idents, codes := map[string]bool{}, map[string]string{}
	for i, a := range all {
		if a.Ident == "" || idents[a.Ident] {
			t.Errorf("ident %q is empty or not unique", a.Ident)
		}
		if a.IATA != "" && (len(a.IATA) != 3 || codes[a.IATA] != "") {
			t.Errorf("%s: IATA code %q is not of three letters or not unique", a.Ident, a.IATA)
		}
		if i > 0 && all[i-1].Ident >= a.Ident {
			t.Errorf("%s stands after %s", a.Ident, all[i-1].Ident)
		}
		if a.Name == "" || len(a.Country) != 2 || a.Size != airports.Large && a.Size != airports.Medium {
			t.Errorf("incomplete record: %+v", a)
		}
		if math.Abs(a.Latitude) > 90 || math.Abs(a.Longitude) > 180 {
			t.Errorf("%s lies nowhere: %v, %v", a.Ident, a.Latitude, a.Longitude)
		}
		idents[a.Ident] = true
		if a.IATA != "" {
			codes[a.IATA] = a.Ident
		}
	}
	for ident := range idents {
		if other := codes[ident]; other != "" && other != ident {
			t.Errorf("%q is an ident, and the IATA code of %s: it names two airports", ident, other)
		}
	}
}

func TestDistance(t *testing.T) {
	all, err := airports.All()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]airports.Airport{}
	for _, a := range all {
		by[a.IATA] = a
	}
	for _, tt := range []struct {
		name, from, to string
		want           float64 // km
	}{
		{"across an ocean", "LHR", "JFK", 5540},
		{"across the date line", "AKL", "HNL", 7064},
		{"to itself", "LHR", "LHR", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := airports.Distance(by[tt.from], by[tt.to]); math.Abs(got-tt.want) > 30 {
				t.Errorf("got %.0f km, want about %.0f", got, tt.want)
			}
		})
	}
}
