module entourage.test/component

go 1.21
