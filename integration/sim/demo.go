package sim

import "fmt"

// The contents of DemoLibrary.
const (
	// DemoPackage is a package with one large file, some of medium size, and names that break careless URL handling.
	DemoPackage = "PS100010"
	// DemoImage is an operating system image of more than 4 GiB in one file.
	DemoImage = "PS100011"
	// DemoDrivers is a package of a thousand small files.
	DemoDrivers = "PS100012"
	// DemoApplication is an application; its URL segment is DemoApplication + ".1".
	DemoApplication = "Content_6c4dd1b9-2b0e-4b6e-9d11-2f3f5a0c0005"
	// DemoUpdate is a software update. It shares a blob with DemoApplication.
	DemoUpdate = "0f0e3a52-9c3a-4f0e-8d34-111213141516"
)

// DemoAccount is the made-up account that the DPs of a Site know.
func DemoAccount() Account {
	return Account{Domain: "BRANCH", Name: "PC1$", Password: NewSecret("simulated")}
}

// DemoLibrary is a library with some of everything. size is about that of DemoPackage in bytes, most of which is one file,
// "media/install.wim".
func DemoLibrary(size int64) (*Library, error) {
	l := NewLibrary()
	drivers := make([]FileSpec, 1000)
	for i := range drivers {
		drivers[i] = FileSpec{Path: fmt.Sprintf("net/%02d/driver%03d.sys", i/50, i), Size: int64(2000 + 37*i)}
	}
	contents := map[string][]FileSpec{
		DemoPackage: {
			{Path: "media/install.wim", Size: size * 7 / 8},
			{Path: "setup.exe", Size: size / 16},
			{Path: "data/files.cab", Size: size / 16},
			{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001},
			{Path: "data/größe [x] 'y'.txt", Data: []byte("odd names are names too\r\n")},
			{Path: "data/empty.flag"},
		},
		DemoImage:       {{Path: "install.wim", Size: 4<<30 + 512<<20 + 1}},
		DemoDrivers:     drivers,
		DemoApplication: {{Path: "app.msi", Size: 5_664_768, Seed: 1}, {Path: "transforms/site.mst", Size: 20_480}},
		DemoUpdate:      {{Path: "windows10-kb5000001-x64.cab", Size: 5_664_768, Seed: 1}},
	}
	for id, files := range contents {
		if _, err := l.Publish(id, files...); err != nil {
			return nil, fmt.Errorf("make the demonstration library: %w", err)
		}
	}
	return l, nil
}
