package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/lab/internal/chart"
	"github.com/freshet-io/freshet/examples/lab/internal/table"
)

func row(scenario, policy string, ratio float64) table.Row {
	return table.Row{Scenario: scenario, Policy: policy, Oracle: table.Spread{Median: ratio}}
}

func TestWrite(t *testing.T) {
	rows := []table.Row{
		row("75 %", "oracle", 1), row("75 %", "freshet", 1.28), row("75 %", "round <robin>", 8.54), row("75 %", "prequal", 1.1),
		row("90 %", "freshet", 1.39), row("90 %", "none", 0),
	}
	var b, again bytes.Buffer
	if err := errors.Join(chart.Write(&b, rows), chart.Write(&again, rows)); err != nil {
		t.Fatal(err)
	}
	if b.String() != again.String() {
		t.Error("the same figures gave two pictures")
	}
	for _, want := range []string{
		">1.28<", ">1.39<", ">8.5, cut off<", "round &lt;robin&gt;", `role="img"`,
		"75 %: prequal 1.10, freshet 1.28, round &lt;robin&gt; 8.54; 90 %: freshet 1.39.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if strings.Contains(b.String(), ">none<") || strings.Contains(b.String(), ">oracle<") {
		t.Error("the picture has a policy without a figure, or the oracle as one")
	}
	for d := xml.NewDecoder(&b); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
}
