"""`python -m calibgit`."""

from calibgit.cli.main import main

if __name__ == "__main__":
    main()
