"""Roles that calls are made by."""

from tidegate.drivers.aws_roles import account_of


def test_roles_of_one_account_share_what_aws_counts_by_account():
    arns = ["arn:aws:iam::123456789012:role/shop", "arn:aws-cn:iam::123456789012:role/a/b:c", ""]

    assert [account_of(arn) for arn in arns] == ["123456789012", "123456789012", ""]
