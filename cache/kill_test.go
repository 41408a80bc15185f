package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

// killedDirectory names the environment variable that makes the test binary a process to be killed.
const killedDirectory = "BRANCHPOINT_TEST_KILLED_DIRECTORY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDirectory); dir != "" {
		fmt.Println("it ended by itself:", fillUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// killTruths are what the process to be killed fills.
func killTruths() truths {
	known := truths{}
	for i := range uint64(12) {
		known[fmt.Sprint("object ", i)] = []truth{newTruth(100+i, int64(i)*sliceBytes+int64(i)*1001)}
	}
	return known
}

// fillUntilKilled reads and removes at random and ends only with an error.
func fillUntilKilled(dir string) error {
	c, err := New(Config{Directory: dir, MaxBytes: 60 << 20})
	if err != nil {
		return err
	}
	known := killTruths()
	fmt.Println("running")
	failed := make(chan error)
	for range 4 {
		go func() {
			for {
				name := fmt.Sprint("object ", rand.IntN(len(known)))
				src := newSource(known[name][0])
				off := rand.Int64N(src.t.info.Size + 1)
				err := fetch(context.Background(), c, Key{Name: name}, src, off, -1)
				if rand.IntN(20) == 0 {
					c.Remove(name)
				}
				if err != nil && !errors.Is(err, ErrChanged) {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func TestKilledInTheMiddle(t *testing.T) {
	cycles := 10
	if full() {
		cycles = 200
	}
	dir, known, slices := fastDir(t), killTruths(), 0
	for range cycles {
		killOnce(t, dir)
		found := checkDir(t, dir, known, true)
		slices += readRecorded(t, dir, known, found)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d kills; %d recorded slices were read back without asking upstream", cycles, slices)
	if slices < cycles {
		t.Errorf("only %d slices were recorded in %d cycles: the test shows little", slices, cycles)
	}
}

// killOnce runs the process and kills it at a random moment.
func killOnce(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedDirectory+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "running" {
		t.Errorf("the process says %q", lines.Text())
	}
	moment := time.NewTimer(time.Duration(rand.IntN(400)) * time.Millisecond)
	<-moment.C
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
		t.Error(lines.Text())
	}
	_ = cmd.Wait() // it was killed
}

// readRecorded reads every slice that is claimed, from a cache that may not ask upstream, and returns how many they are.
func readRecorded(t *testing.T, dir string, known truths, found onDisk) (slices int) {
	t.Helper()
	c := mustNew(t, Config{Directory: dir})
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	checkAccount(t, c, found)
	var wg sync.WaitGroup
	for name, claimed := range found.slices {
		src := newSource(known[name][0])
		src.err = errors.New("upstream is asked")
		slices += len(claimed)
		wg.Go(func() {
			for i := range sliceCount(src.t.info.Size) {
				if !found.has(src.t, name, i) {
					continue
				}
				from, to := sliceSpan(i, src.t.info.Size)
				if err := fetch(t.Context(), c, Key{Name: name}, src, from, to-from); err != nil {
					t.Errorf("%s, slice %s: %v", name, strconv.Itoa(i), err)
				}
			}
		})
	}
	wg.Wait()
	return slices
}
