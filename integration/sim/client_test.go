package sim

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func newBITS(t testing.TB, l *Library, change func(*BITSConfig)) *BITS {
	t.Helper()
	c := BITSConfig{ClientConfig: ClientConfig{Library: l}, RetryDelay: time.Millisecond}
	if change != nil {
		change(&c)
	}
	b, err := NewBITS(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBITSDownloads(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	setup := mustFile(t, l, testPackage, "setup.exe")
	tests := []struct {
		name     string
		path     string
		change   func(*BITSConfig)
		requests int
		conns    int
	}{
		{"blocks of 256 KiB", "setup.exe", nil, 1 + 13, 1},
		{"small blocks", "sub/deep/a+b&c;d=e.exe", func(c *BITSConfig) { c.BlockSize = 100 }, 1 + 10, 1},
		{"whole file in a range", "setup.exe", func(c *BITSConfig) { c.BlockSize = WholeFile }, 2, 1},
		{"no range", "setup.exe", func(c *BITSConfig) { c.BlockSize = NoRange }, 2, 1},
		{"empty file", "empty.dat", nil, 1, 1},
		{"suspended twice", "setup.exe", func(c *BITSConfig) { c.SuspendEvery = 1_200_000; c.BlockSize = WholeFile }, 2 + 2, 1 + 2},
		{"offers BranchCache", "setup.exe", func(c *BITSConfig) { c.PeerDist = true }, 1 + 13, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustFile(t, l, testPackage, tt.path)
			r := newBITS(t, l, tt.change).Download(t.Context(), sccmURL(d.Location(VdirPlain, testPackage), tt.path))
			if r.Err != nil || r.File != f {
				t.Fatalf("%v, file %v, troubles %v", r.Err, r.File, r.Troubles)
			}
			if r.Bytes != f.Size || r.Requests != tt.requests || r.Connections != tt.conns || r.Retries != 0 {
				t.Errorf("%d bytes, %d requests, %d connections, %d retries", r.Bytes, r.Requests, r.Connections, r.Retries)
			}
			if f.Size > 0 && (r.FirstByte <= 0 || r.FirstByte > r.Took) {
				t.Errorf("first byte after %v of %v", r.FirstByte, r.Took)
			}
		})
	}
	if got := d.Counters().BytesOf()[setup.Key()]; got < 5*setup.Size {
		t.Errorf("the DP counted %d bytes", got)
	}
}

func TestBITSSurvives(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	f := mustFile(t, l, testPackage, "setup.exe")
	url := d.Location(VdirPlain, testPackage) + "/sccm?/setup.exe"
	tests := map[string]Fault{
		"short body": {Kind: FaultShortBody, Offset: 1_000_000, Count: 1},
		"reset":      {Kind: FaultReset, Offset: 2_000_000, Count: 1},
		"503":        {Kind: FaultStatus, Count: 3},
		"500":        {Kind: FaultStatus, Status: 500, Methods: []string{"HEAD"}, Count: 1},
		"408":        {Kind: FaultStatus, Status: 408, Count: 1},
		"closing":    {Kind: FaultClose},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			defer d.Faults.Clear()
			in := inject(t, d, fault)
			r := newBITS(t, l, nil).Download(t.Context(), url)
			if r.Err != nil || r.File != f || in.Strikes() == 0 || fault.Kind != FaultClose && r.Retries == 0 {
				t.Errorf("%v, file %v, %d strikes, %d retries", r.Err, r.File, in.Strikes(), r.Retries)
			}
		})
	}
}

func TestBITSGivesUp(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	url := d.Location(VdirPlain, testPackage) + "/sccm?/setup.exe"
	tests := map[string]struct {
		fault Fault
		code  uint32 // 0: wrong bytes
	}{
		"404":              {Fault{Kind: FaultStatus, Status: 404}, 0x80190194},
		"403":              {Fault{Kind: FaultStatus, Status: 403}, 0x80190193},
		"501":              {Fault{Kind: FaultStatus, Status: 501}, 0x801901f5},
		"200 to a range":   {Fault{Kind: FaultRangeIgnored}, bitsInsufficientRange},
		"no content range": {Fault{Kind: FaultNoContentRange}, bitsInsufficientRange},
		"wrong start":      {Fault{Kind: FaultWrongStart}, bitsInvalidResponse},
		"coding":           {Fault{Kind: FaultEncoding}, bitsInvalidResponse},
		"one wrong byte":   {Fault{Kind: FaultCorrupt, Offset: 1_234_567}, 0},
		"wrong size":       {Fault{Kind: FaultWrongSize}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer d.Faults.Clear()
			inject(t, d, tt.fault)
			r := newBITS(t, l, nil).Download(t.Context(), url)
			var code *BITSError
			if tt.code != 0 && (!errors.As(r.Err, &code) || code.HRESULT != tt.code) {
				t.Errorf("got %v, want 0x%x", r.Err, tt.code)
			}
			if tt.code == 0 && !errors.Is(r.Err, errWrongBytes) || r.File != nil {
				t.Errorf("got %v, file %v, want wrong bytes", r.Err, r.File)
			}
		})
	}
}

func TestBITSRestartsWhenThePackageIsUpdated(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	once := false
	b := newBITS(t, l, func(c *BITSConfig) {
		c.Progress = func(int) {
			if !once {
				once = true
				publish(t, l, testPackage, FileSpec{Path: "setup.exe", Size: 3<<20 + 17})
			}
		}
	})
	r := b.Download(t.Context(), d.Location(VdirPlain, testPackage)+"/sccm?/setup.exe")
	if r.Err != nil || r.File == nil || r.File.Version != 2 || r.Restarts != 1 {
		t.Errorf("%v, file %v, %d restarts", r.Err, r.File, r.Restarts)
	}
}

// TestBITSWaitsTenMinutes shows that the retry delay runs on a clock that tests can turn.
func TestBITSWaitsTenMinutes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newTestLibrary(t)
		b := newBITS(t, l, func(c *BITSConfig) { c.RetryDelay, c.MaxRetries = 0, 2 })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		started := time.Now()
		r := b.Download(ctx, nobody+"/SMS_DP_SMSPKG$/PS100015/sccm?/setup.exe")
		if took := time.Since(started); r.Err == nil || r.Retries != 2 || took < 20*time.Minute || took > 21*time.Minute {
			t.Errorf("%v after %v, %d retries", r.Err, took, r.Retries)
		}
	})
}
