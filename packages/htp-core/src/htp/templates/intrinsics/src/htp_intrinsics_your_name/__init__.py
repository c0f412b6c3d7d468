"""HTP intrinsics: programs say `from htp_intrinsics_your_name import your_name`."""
