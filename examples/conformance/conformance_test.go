package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/examples/conformance/internal/report"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject/freshet"
	"github.com/freshet-io/freshet/examples/conformance/internal/suite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFreshet plays every case on freshet.
func TestFreshet(t *testing.T) {
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			if err := suite.Play(t, freshet.Subject{}, &c); err != nil {
				t.Errorf("%s\n%v", c.Says, err)
			}
		})
	}
}

// rows are the behaviours that were asked for before there was a cache: ids of cases.
const rows = `
F01 F02 F05 F06 F07 F10 F11 F12 F15 F16 F17 F20 F21 F22 F25 F26 P01 P02 P05 P06 P07 P10 P11 A01 A02 
R02 R03 R04 R07 R08 R09 R12 R13 R14 R17 R18 V01 V02 V03 V06 V07 V08 V11 V12 V13 V16 S03 S04 S05 S08 
S09 S10 S13 S14 S15 S18 S19 I03 I04 I05 I08 I09 I10 I13 I14 I15 I18 I19 I20 I23 I24 I25 I28 K01 K02 
K05 K06 K07 K10 K11 K12 K15 K16 K17 K20 K21 K22 K25 T01 T04 T05 T06 T09 T10 T11 T14 T15 T16 T19 E01 
E04 E05 E06 E09 E10 E11 C02 C03 C04 C07 C08 C09 L01 L02 L03 L06 L07 L08 B01 B02 B03 B06 B07 B08 O01 
O04
`

func TestEveryRowIsThere(t *testing.T) {
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	ids := slices.Clone(suite.Later)
	for _, c := range cases {
		ids = append(ids, c.ID)
	}
	for _, id := range strings.Fields(rows) {
		if !slices.Contains(ids, id) {
			t.Errorf("there is no case %s", id)
		}
	}
}

// TestREADME holds the table of README.md, and the lists of BASELINES.md, against what comes of
// playing the cases. Set FRESHET_UPDATE to write them.
func TestREADME(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("plays every case on two more caches")
	}
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	baselines := play(t, cases, subjects[1:])
	var table, lists bytes.Buffer
	// freshet passes all of them, or TestFreshet fails.
	if err := report.Markdown(&table, cases, append([]report.Column{{Name: subjects[0].Name()}}, baselines...)); err != nil {
		t.Fatal(err)
	}
	for _, c := range baselines {
		fmt.Fprintf(&lists, "\n## %s\n\nFails, of %d cases:\n\n", c.Name, len(cases))
		if err := report.Demands(&lists, cases, c); err != nil {
			t.Fatal(err)
		}
	}
	hold(t, "README.md", "<!-- table -->\n", "<!-- end of table -->\n", table.String())
	hold(t, "BASELINES.md", "<!-- lists -->\n", "<!-- end of lists -->\n", lists.String())
}

// hold holds what stands between two marks of a file against what is to stand there.
func hold(t *testing.T, file, begin, end, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has no %q and %q", file, begin, end)
	case got == want:
	case os.Getenv("FRESHET_UPDATE") == "":
		t.Errorf("%s has\n%s\nand what comes of it is\n%s", file, got, want)
	default:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
